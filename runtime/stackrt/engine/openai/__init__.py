"""The engine under OpenAI's protocol: requests read, answers and chunks written."""
