"""Run it the way they did: a publisher's documented protocol as flags of `mathtasks run --preset NAME`.

protocols   the YAML files of this folder, read and checked
flags       a protocol as lm-eval's flags; what the user gives wins, and is named as a deviation
commands    `mathtasks presets`
"""
