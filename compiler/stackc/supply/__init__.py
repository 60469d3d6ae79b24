"""What a stack is made of, where it comes from, under which licences, and how large it may be."""
