"""What the conformance suite is made of. It knows Eider only from outside: a program, its files and its doors."""
