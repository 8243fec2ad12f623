"""CHGNet in C++, built with the machine's own compiler where there is one."""
