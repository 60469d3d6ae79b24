"""llama.cpp's own HTTP server, as PyPI's xllamacpp has it: `llamacpp.py MODEL SLOTS THREADS PORT`."""

import sys
import threading

import xllamacpp

model, slots, threads, port = sys.argv[1], *map(int, sys.argv[2:])
parameters = xllamacpp.CommonParams()
parameters.model.path = model
parameters.n_parallel = slots
parameters.n_ctx = slots * 4096
parameters.n_gpu_layers = 0
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
parameters.hostnames = ["127.0.0.1"]
parameters.port = port
server = xllamacpp.Server(parameters)
threading.Event().wait()
