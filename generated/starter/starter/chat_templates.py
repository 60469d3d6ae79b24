"""x."""
def smollm2_135m_instruct(messages, *, tools, add_generation_prompt):
    return "".join("<|im_start|>"+m["role"]+"\n"+m["content"]+"<|im_end|>\n" for m in messages)+"<|im_start|>assistant\n"
