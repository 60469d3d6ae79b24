"""What the compiler says when the input is at fault: data, wording and rendering apart."""
