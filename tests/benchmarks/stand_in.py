"""A stand-in for the model's API, OpenAI-compatible: `python -m tests.benchmarks.stand_in PORT SECONDS`."""

import asyncio
import sys
import time

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def application(seconds: float) -> Starlette:
    """Answers every chat completion after so many seconds."""

    async def complete(request: Request) -> JSONResponse:
        asked = await request.json()
        await asyncio.sleep(seconds)
        answer = {"role": "assistant", "content": "Breakfast is from 7 to 10.", "refusal": None}
        return JSONResponse(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": asked["model"],
                "choices": [{"index": 0, "message": answer, "finish_reason": "stop", "logprobs": None}],
                "usage": {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39},
            }
        )

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(application(float(sys.argv[2])), port=int(sys.argv[1]), log_level="warning", timeout_keep_alive=60)
