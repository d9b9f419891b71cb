"""Float64 oracles: every formula once more, in the plainest NumPy that says it, for comparison.

Nothing here is fast and nothing here is imported by the library. Images are (n, h, w, c) unless a function
takes a `data_format`; kernels are (kh, kw, ic / groups, oc), as in Keras.
"""
