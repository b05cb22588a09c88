"""How fast delivery is, measured so that anybody can repeat it: `make benchmark`, or `python -m benchmarks`.

    run        the command: what is measured, in which order, how often
    scenarios  the loads, and which server each is put on
    servers    starts and stops what is measured: the orchestrator, `peers/`, and `limit.c`
    loading    builds `load.c` and runs it against one of them
    machine    which cores, which versions
    report     medians, tables and the plot of docs/performance.md
    ablation   what each idea brings: the orchestrator with one part of it substituted (`variants`)

The server has one core and the load another. All servers take turns within a round, so that a noisy machine is noisy
for all of them; what counts are ratios within one run.
"""
