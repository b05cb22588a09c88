"""What is said on the wire: messages in, messages out, the codes of errors and closings."""
