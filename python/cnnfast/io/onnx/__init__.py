"""Networks in ONNX's form, both ways: what translates operators stands in one table, a room for each family.

`reading` makes sure of a file, `constants` evaluates what depends on no input, `patterns` finds what several
nodes together mean, `translating` goes through the nodes and asks the table.
"""
