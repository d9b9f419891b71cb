"""Models as C files of one function: what layers add to a graph of the core is recorded, then written as C.

`recording` notes the graph, `planning` finds what is computed in one loop and where values lie in the
arena, `steps` (element by element and kernels), `moves` and `gathering` write each operation of the core,
`exporting` the whole file, with the parts of `kernels.c` that it needs.
"""
