%% @doc How long `notify' keeps its caller.
-module(bench_latency).

-export([busy/3, idle/3, percentile/2]).
-export_type([sample/0]).

%% Counts by time, in steps of ?STEP_NS; the last one holds whatever took longer.
-type sample() :: counters:counters_ref().

-define(STEP_NS, 10).
-define(STEPS, 1000000).
%% Longer than the engine stays half awake after work.
-define(PAUSE_MS, 2).

%% While pushes flow as fast as they are taken.
-spec busy(bench_load:load(), First :: non_neg_integer(), Count :: pos_integer()) ->
    sample().
busy(Load, First, Count) ->
    Sample = new(),
    ok = bench_load:run_timed(Load, First, Count, fun(Ns) -> add(Sample, Ns) end),
    Sample.

%% One push at a time, each after a pause in which the engine fell asleep: it has to be woken.
-spec idle(bench_load:load(), First :: non_neg_integer(), Count :: pos_integer()) ->
    sample().
idle(Load, First, Count) ->
    Sample = new(),
    lists:foreach(
        fun(Next) ->
            ok = bench_load:run_timed(Load, Next, 1, fun(Ns) -> add(Sample, Ns) end),
            receive after ?PAUSE_MS -> ok end
        end,
        lists:seq(First, First + Count - 1)
    ),
    Sample.

%% The time, in microseconds, that this share of the calls did not exceed.
-spec percentile(sample(), Share :: float()) -> float().
percentile(Sample, Share) ->
    Counts = [counters:get(Sample, Step) || Step <- lists:seq(1, ?STEPS)],
    step(Counts, Share * lists:sum(Counts), 1) * ?STEP_NS / 1000.

step([Count | Counts], Left, Step) when Counts =/= [], Count < Left ->
    step(Counts, Left - Count, Step + 1);
step(_Counts, _Left, Step) ->
    Step.

new() ->
    counters:new(?STEPS, []).

add(Sample, Ns) ->
    counters:add(Sample, min(Ns div ?STEP_NS + 1, ?STEPS), 1).
