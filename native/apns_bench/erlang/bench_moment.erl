%% @doc What pushes cost between two moments: of the clock, of both programs' CPU time, of bytes.
-module(bench_moment).

-export([now/1, between/2]).
-export_type([moment/0, cost/0]).

-type moment() :: #{atom() => number()}.

-type cost() :: #{
    requests := non_neg_integer(),
    connections := non_neg_integer(),
    pushes_per_s := non_neg_integer(),
    %% Of this process and of the server, for a push, in microseconds.
    cpu_us := float(),
    sink_cpu_us := float(),
    wire_bytes := float()
}.

-spec now(bench_sink:sink()) -> moment().
now(Sink) ->
    Counts = bench_sink:counts(Sink),
    Counts#{
        cpu_us => bench_process:cpu_us(os:getpid()),
        sink_cpu_us => bench_process:cpu_us(bench_sink:os_pid(Sink)),
        clock_us => erlang:monotonic_time(microsecond)
    }.

-spec between(moment(), moment()) -> cost().
between(Before, After) ->
    Grown = fun(Key) -> maps:get(Key, After) - maps:get(Key, Before) end,
    case Grown(requests) of
        0 ->
            throw({bench, "nothing was pushed in ~b us", [Grown(clock_us)]});
        Requests ->
            #{
                requests => Requests,
                connections => Grown(connections),
                pushes_per_s => Requests * 1000000 div Grown(clock_us),
                cpu_us => Grown(cpu_us) / Requests,
                sink_cpu_us => Grown(sink_cpu_us) / Requests,
                wire_bytes => Grown(bytes_in) / Requests
            }
    end.
