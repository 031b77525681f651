"""Writers: token ids in, texts out. transformers everywhere; openvino-genai for GGUF models on a CPU; vLLM; a server.

Each is a file NAME_writer.py here, which ends with its `KIND`: all that the others know of it. See CONTRIBUTING, "Add a writer".
"""

from typing import TYPE_CHECKING, Literal

# The first serves any model; `auto` takes the first of the others that calls itself the better one. Nothing is loaded to know the names.
WRITERS = ("transformers", "openvino", "vllm", "server")

if TYPE_CHECKING:
    WriterName = str
else:
    WriterName = Literal[("auto", *WRITERS)]
