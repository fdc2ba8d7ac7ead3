%% @doc How long `notify' keeps its caller.
-module(bench_latency).

-export([busy/3, idle/3, stalled/4, percentile/2]).
-export_type([sample/0]).

%% Counts by time, in steps of ?STEP_NS; the last one holds whatever took longer.
-type sample() :: counters:counters_ref().

-define(STEP_NS, 10).
-define(STEPS, 1000000).
%% Longer than the engine stays half awake after work.
-define(PAUSE_MS, 2).
-define(TOKENS, 16384).
-define(PAYLOADS, 256).

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

%% The server reads nothing any more, and the pushes pile up; all are accepted when it goes on.
-spec stalled(apns_nif:app(), bench_sink:sink(), Payload, Count :: pos_integer()) -> sample() when
    Payload :: fun((Number :: pos_integer()) -> apns_nif:notification()).
stalled(App, Sink, Payload, Count) ->
    Sample = new(),
    Tokens = bench_notification:tokens(?TOKENS),
    Payloads = list_to_tuple([Payload(N) || N <- lists:seq(1, ?PAYLOADS)]),
    Backlog = bench_backlog:fill(App, Sink, Count, fun(N) ->
        Target = {token, element(N rem ?TOKENS + 1, Tokens)},
        Notification = element(N rem ?PAYLOADS + 1, Payloads),
        Start = erlang:monotonic_time(nanosecond),
        Taken = apns_nif:notify(App, Target, Notification),
        add(Sample, erlang:monotonic_time(nanosecond) - Start),
        Taken
    end),
    ok = bench_backlog:drain(App, Sink, Backlog),
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
