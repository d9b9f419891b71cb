"""Times cnnfast beside other libraries: each in its own process, in turns, on the same inputs, in one run.

`python -m bench.compare --help` tells the options. What is fair here: every engine gets the same cores and
thread count, its own best layout and settings, float32 throughout; every engine's result is checked in the
same run against a float64 reference, and an engine that is wrong loses its time.
"""
