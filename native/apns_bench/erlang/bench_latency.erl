%% @doc How long `notify' keeps its caller.
-module(bench_latency).

-export([busy/3, idle/3, idle_md5/2, stalled/4, full/4, percentile/2, new/0, add/2]).
-export_type([sample/0]).

%% Counts by time, in steps of ?STEP_NS; the last step holds whatever took longer. Behind them
%% stands the longest time.
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

%% Not ours, but the VM's own hash of the same bytes after the same pauses: what this machine makes
%% of any call whose code and data have gone cold.
-spec idle_md5(Payload :: binary(), Count :: pos_integer()) -> sample().
idle_md5(Payload, Count) ->
    Sample = new(),
    lists:foreach(
        fun(_) ->
            Start = erlang:monotonic_time(nanosecond),
            _ = erlang:md5(Payload),
            add(Sample, erlang:monotonic_time(nanosecond) - Start),
            receive after ?PAUSE_MS -> ok end
        end,
        lists:seq(1, Count)
    ),
    Sample.

%% The server reads nothing any more, and the pushes pile up; all are accepted when it goes on.
-spec stalled(apns_nif:app(), bench_sink:sink(), Payload, Count :: pos_integer()) -> sample() when
    Payload :: fun((Number :: pos_integer()) -> apns_nif:notification()).
stalled(App, Sink, Payload, Count) ->
    Sample = new(),
    Backlog = bench_backlog:fill(App, Sink, Count, timed(App, Payload, Sample)),
    ok = bench_backlog:drain(App, Sink, Backlog),
    Sample.

%% The queue, which takes Limit pushes, is full: so many more are refused.
-spec full(apns_nif:app(), bench_sink:sink(), Payload, {Limit, Count}) -> sample() when
    Payload :: fun((Number :: pos_integer()) -> apns_nif:notification()),
    Limit :: pos_integer(),
    Count :: pos_integer().
full(App, Sink, Payload, {Limit, Count}) ->
    Sample = new(),
    Backlog = bench_backlog:fill(App, Sink, Limit, timed(App, Payload, new())),
    Push = timed(App, Payload, Sample),
    lists:foreach(fun(N) -> {error, overloaded} = Push(N) end, lists:seq(1, Count)),
    ok = bench_backlog:drain(App, Sink, Backlog),
    Sample.

timed(App, Payload, Sample) ->
    Tokens = bench_notification:tokens(?TOKENS),
    Payloads = list_to_tuple([Payload(N) || N <- lists:seq(1, ?PAYLOADS)]),
    fun(N) ->
        Target = {token, element(N rem ?TOKENS + 1, Tokens)},
        Notification = element(N rem ?PAYLOADS + 1, Payloads),
        Start = erlang:monotonic_time(nanosecond),
        Taken = apns_nif:notify(App, Target, Notification),
        add(Sample, erlang:monotonic_time(nanosecond) - Start),
        Taken
    end.

%% The time, in microseconds, that this share of the calls did not exceed; beyond 10 ms the longest
%% of all.
-spec percentile(sample(), Share :: float()) -> float().
percentile(Sample, Share) ->
    Counts = [counters:get(Sample, Step) || Step <- lists:seq(1, ?STEPS)],
    case step(Counts, Share * lists:sum(Counts), 1) of
        ?STEPS -> counters:get(Sample, ?STEPS + 1) / 1000;
        Step -> Step * ?STEP_NS / 1000
    end.

step([Count | Counts], Left, Step) when Counts =/= [], Count < Left ->
    step(Counts, Left - Count, Step + 1);
step(_Counts, _Left, Step) ->
    Step.

-spec new() -> sample().
new() ->
    counters:new(?STEPS + 1, []).

-spec add(sample(), Ns :: integer()) -> ok.
add(Sample, Ns) ->
    Ns =< counters:get(Sample, ?STEPS + 1) orelse counters:put(Sample, ?STEPS + 1, Ns),
    counters:add(Sample, min(Ns div ?STEP_NS + 1, ?STEPS), 1).
