# `just` lists the recipes. All of them run in the environment that is active.

python := env("STACKC_PYTHON", "python3")

_default:
    @just --list

# Install stackc and what its tests need.
setup:
    {{python}} -m pip install -e '.[test]' torch==2.13.0

# Lint, format and types.
check:
    {{python}} -m ruff check .
    {{python}} -m ruff format --check .
    {{python}} -m mypy compiler/stackc runtime/stackrt bench

# Run all tests.
test *arguments:
    {{python}} -m pytest {{arguments}}

# Run the tests of the engine on a CUDA device (needs onnxruntime-gpu in the place of onnxruntime).
gpu *arguments:
    STACKC_GPU=1 {{python}} -m pytest tests/gpu -s {{arguments}}

# Fuzz the compiler for so many seconds; what fails is written to the folder that this runs in.
fuzz seconds="60" *arguments:
    {{python}} tests/fuzz/run.py {{seconds}} {{arguments}}

# Rewrite the wanted outputs of the tests; fails if any changed, so that the diff is read.
update:
    {{python}} -m pytest tests/test_cases.py --update

# Compile every distribution.
build:
    for lock in distributions/*.lock; do {{python}} -m stackc.cli build ${lock%.lock}.yaml || exit 1; done

# Write the documentation that follows from schemas/ and the command line.
docs:
    {{python}} -m stackc.cli docs

# Compile and serve one distribution.
run name="starter" *arguments:
    {{python}} -m stackc.cli run distributions/{{name}}.yaml {{arguments}}

# Measure, side by side (needs wrk and nginx: apt-get install wrk nginx-light).
bench *arguments: build
    {{python}} -m bench {{arguments}}
