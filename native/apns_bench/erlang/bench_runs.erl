%% @doc The same measured several times, and what is told of it: the median.
-module(bench_runs).

-export([runs/1, median/1, median/2, percentile/2]).

-define(RUNS, 3).

-spec runs(fun(() -> Run)) -> [Run].
runs(Run) ->
    [Run() || _ <- lists:seq(1, ?RUNS)].

-spec median(Key, [#{Key => number()}]) -> number().
median(Key, Runs) ->
    median([maps:get(Key, Run) || Run <- Runs]).

-spec median([number()]) -> number().
median(Numbers) ->
    lists:nth(length(Numbers) div 2 + 1, lists:sort(Numbers)).

%% In microseconds.
-spec percentile(Share :: float(), [bench_latency:sample()]) -> float().
percentile(Share, Samples) ->
    median([bench_latency:percentile(Sample, Share) || Sample <- Samples]).
