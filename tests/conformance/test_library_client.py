"""`from starter import client`: the stack in this process, without a port."""

import subprocess
import sys
from pathlib import Path

from stacks import environment

PROGRAM = """
from starter import client

question = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
options = dict(model="onnx/smollm2-135m-instruct", messages=question, temperature=0, max_tokens=20)
with client.openai() as openai:
    stream = openai.chat.completions.create(**options, stream=True)
    print("".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices))
    print(len(openai.embeddings.create(model="onnx/all-minilm-l6-v2", input="x").data[0].embedding))
with client.llama_stack() as llama_stack:
    print(llama_stack.chat.completions.create(**options).choices[0].message.content)
"""


def test_both_clients(built: dict[str, Path]) -> None:
    folder = built["starter"]
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    streamed, dimensions, answered = result.stdout.splitlines()
    assert "Paris" in streamed
    assert streamed == answered
    assert dimensions == "384"
