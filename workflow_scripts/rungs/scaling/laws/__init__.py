"""What a learning curve can be: the forms, and how each is fitted or refused."""
