"""
The benchmark: what the library costs beside the cryptography that it must do.

``python -m bench`` measures everything and prints one report; `docs/benchmarks.md`
says how it is measured and what the figures mean.
"""
