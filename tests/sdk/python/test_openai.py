"""OpenAI's SDK for Python against the Worker: plain, streamed, usage, and each error as the SDK's own type."""

import os

import openai
import pytest


def client(**options):
    options = {"max_retries": 0, "api_key": os.environ["MADOGUCHI_KEY"], **options}
    return openai.OpenAI(base_url=os.environ["MADOGUCHI_URL"], **options)


def ask(content, c=None, **more):
    return (c or client()).chat.completions.create(
        model="gpt-4.1", messages=[{"role": "user", "content": content}], **more
    )


def test_a_plain_answer_with_its_usage():
    reply = ask("こんにちは")
    assert reply.choices[0].message.content == "answer to: こんにちは"
    assert reply.usage.total_tokens > 0
    assert reply._request_id.startswith("req_")


def test_a_streamed_answer_with_its_usage():
    chunks = list(ask("stream me", stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "answer to: stream me"
    assert chunks[-1].usage.completion_tokens > 0


@pytest.mark.parametrize(
    "words, kind",
    [
        ("status=400", openai.BadRequestError),
        ("status=404", openai.NotFoundError),
        ("status=422", openai.UnprocessableEntityError),
        ("status=429", openai.RateLimitError),
        ("status=500", openai.InternalServerError),
        ("reset", openai.InternalServerError),
    ],
)
def test_an_error_becomes_the_sdks_own(words, kind):
    with pytest.raises(kind) as caught:
        ask(f"[[{words}]]")
    assert caught.value.body["message"]


def test_a_wrong_key_becomes_authentication_error():
    with pytest.raises(openai.AuthenticationError):
        ask("x", client(api_key="wrong"))


def test_an_error_within_a_stream_is_thrown_to_its_reader():
    with pytest.raises(openai.APIError):
        list(ask("[[sse-error]] long enough to be cut", stream=True))


def test_the_sdks_own_retries_work():
    assert ask("[[status=503 times=1]] retried", client(max_retries=2)).choices[0].message.content


def test_the_models_are_listed():
    assert {"gpt-4.1", "default"} <= {m.id for m in client().models.list()}
