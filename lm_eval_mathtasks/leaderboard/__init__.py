"""What others claim, and whether a run of ours reproduces it.

claims      published scores with their protocol and source (`leaderboards/*.yaml`)
benchmarks  their sizes, what harnesses call them, and which scores they allow
board       claims by what was counted, a line for each model and protocol
statistics  intervals and tests, with their formulas
compare     a run against the claims of its model: comparable or not, and the verdict
paired      two runs on the same docs
explain     where the missing points went
said        the sentence that a comparison comes to
"""
