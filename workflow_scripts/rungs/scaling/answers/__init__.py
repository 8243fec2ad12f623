"""What a study is asked: tables of laws, data efficiency, plans, and the answer in words."""
