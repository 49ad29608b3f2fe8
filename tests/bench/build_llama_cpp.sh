#!/usr/bin/env bash
# Builds llama.cpp's server and bench tools, with its libraries beside them, from the source that the
# pinned llama-cpp-python carries: `tests/bench/build_llama_cpp.sh FOLDER`. Ten minutes on two cores.
# With LLAMA_CPP_LIB_PATH=FOLDER kefu runs on the very same libraries.
set -euo pipefail
folder=$(mkdir -p "${1:?usage: build_llama_cpp.sh FOLDER}" && cd "$1" && pwd)
cd "$(dirname "$0")/../.."
python=.venv/bin/python
pinned=$(sed -n 's/^LLAMA *:= *//p' Makefile)
[ -x "$folder/llama-server" ] && [ -x "$folder/llama-bench" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$python -m pip download -q --no-deps --no-binary :all: -d "$work" "$pinned"
tar -xzf "$work"/*.tar.gz -C "$work"
$python -m venv "$work/tools" && "$work/tools/bin/pip" install -q cmake ninja

flags=""
if echo | cc -mno-amx-tile -mno-amx-int8 -mno-amx-bf16 -E -x c - >/dev/null 2>&1; then
  flags="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"  # as in the Makefile
fi
PATH="$work/tools/bin:$PATH"
cmake -G Ninja -S "$work"/llama_cpp_python-*/vendor/llama.cpp -B "$work/build" \
  -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" \
  -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH='$ORIGIN' \
  -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
  -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF >/dev/null
cmake --build "$work/build" --target llama-server llama-bench
find "$work/build" \( -type f -o -type l \) \( -name '*.so*' -o -name llama-server -o -name llama-bench \) \
  -exec cp -a {} "$folder/" \;
