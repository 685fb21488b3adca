"""The program that runs vLLM's offline engine for prefmill, in a process of its own and with nothing of prefmill.

It imports the standard library, vLLM and what vLLM itself needs, so that another interpreter than prefmill's can run
it. `offline.py` starts it, and is the other side of its channel:

    here <- {"model": …, "arguments": {…}, "adapters": […], "cpu": …}   once: what is to be loaded
    here -> {"ready": {…}} or {"failed": "one line"}
    here <- {"ask": 7, "seed": …, "adapter": …, "body": {…}}            a chat completion's request body
    here <- {"abort": 7}   {"sleep": …}   {"wake": …}
    here -> {"id": 7, "text": …, "finish": …, …} or {"id": 7, "rejected": "why"}
    here -> {"slept": …}   {"woken": …}

Requests join the running batch as they come and each reply leaves with the step that finished it.
"""
