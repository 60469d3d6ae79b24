"""The stack `example` inside this process, behind the official clients: no port, no container."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stackrt import client
from stackrt.settings import read
from starlette.applications import Starlette

from example.app import build
from example.settings import Settings

if TYPE_CHECKING:
    from llama_stack_client import AsyncLlamaStackClient, LlamaStackClient
    from openai import AsyncOpenAI, OpenAI


def openai() -> OpenAI:
    """OpenAI's client; closing it stops the stack."""
    return client.openai(_app())


def async_openai() -> AsyncOpenAI:
    """OpenAI's asynchronous client; closing it stops the stack."""
    return client.async_openai(_app())


def llama_stack() -> LlamaStackClient:
    """Llama Stack's client; closing it stops the stack."""
    return client.llama_stack(_app())


def async_llama_stack() -> AsyncLlamaStackClient:
    """Llama Stack's asynchronous client; closing it stops the stack."""
    return client.async_llama_stack(_app())


def _app() -> Starlette:
    return build(read(Settings, os.environ))
