%% @doc A server that takes connections and never answers: callers do not notice, outcomes come.
-module(apns_nif_stalled_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    notify_returns_at_once/1,
    the_queue_is_told_per_lane/1,
    outcomes_come_in_their_time/1,
    an_answer_that_never_comes_is_an_unknown_fate/1,
    nobody_listening_is_no_different/1,
    two_callers_flat_out_are_refused_at_the_bound_until_the_stall_ends/1
]).

-define(APP, <<"im.example.chat">>).
-define(HELLO, #{alert => <<"Hello">>}).

suite() ->
    [{timetrap, {seconds, 120}}].

all() ->
    [
        notify_returns_at_once,
        the_queue_is_told_per_lane,
        outcomes_come_in_their_time,
        an_answer_that_never_comes_is_an_unknown_fate,
        nobody_listening_is_no_different,
        two_callers_flat_out_are_refused_at_the_bound_until_the_stall_ends
    ].

init_per_testcase(_Case, Config) ->
    %% The kernel takes connections into the backlog; nobody ever accepts one or sends a byte.
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}, {active, false}]),
    [{listener, Listener} | Config].

end_per_testcase(_Case, _Config) ->
    ok = apns_nif:stop_app(?APP, 0).

notify_returns_at_once(Config) ->
    %% A notification to a silent server takes no longer than one to a server that answers.
    start_app(Config, #{}),
    Simulator = apns_simulator:start(),
    Serving = <<"im.example.serving">>,
    ok = apns_nif:start_app(Serving, apns_simulator:config(Simulator)),
    %% By turns, so that whatever else the machine does slows both alike.
    {Silent, Served} = lists:unzip([{Us, Us0} || N <- lists:seq(1, 1000),
                                                 {Us, {ok, _}} <- [notify(N)],
                                                 {Us0, {ok, _}} <- [notify(Serving, N)]]),
    ok = apns_nif:stop_app(Serving, 0),
    [[Median, Slowest], [Median0, Slowest0]] =
        [[lists:nth(N, lists:sort(Microseconds)) || N <- [500, 1000]]
         || Microseconds <- [Silent, Served]],
    ct:pal("silent: median ~b µs, slowest ~b µs; serving: ~b and ~b",
           [Median, Slowest, Median0, Slowest0]),
    %% Ten times is far more than they differ, and far less than any wait for a network would be.
    ?assert(Median =< 10 * max(1, Median0)),
    %% A loaded machine may take the processor away, but nothing here waits for the network.
    ?assert(Slowest < 500000).

the_queue_is_told_per_lane(Config) ->
    %% Calls, messages and background pushes are counted apart, and add up.
    start_app(Config, #{}),
    [{ok, [_]} = apns_nif:notify(?APP, {token, token(N)}, Notification)
     || {Count, Notification} <- [{2, #{push_type => voip}}, {3, ?HELLO},
                                  {4, #{push_type => background, content_available => true}}],
        N <- lists:seq(1, Count)],
    ?assertMatch(
        #{queued := 9, queued_call := 2, queued_message := 3, queued_background := 4,
          connection_list := [#{state := connecting, streams := 0, max_streams := 0}]},
        all_looked_at(erlang:monotonic_time(millisecond) + 10000)).

outcomes_come_in_their_time(Config) ->
    %% Each push fails as unreachable when queue_timeout is over, not before.
    start_app(Config, #{queue_timeout => 1500}),
    Start = erlang:monotonic_time(millisecond),
    Ids = [Id || {_, {ok, [Id]}} <- [notify(N) || N <- lists:seq(1, 100)]],
    Outcomes = apns_events:outcomes(?APP, 100, 20000),
    Ms = erlang:monotonic_time(millisecond) - Start,
    ?assertEqual(lists:sort(Ids), apns_events:ids(Outcomes)),
    ?assertEqual([unreachable], lists:usort([Cause || #{cause := Cause} <- Outcomes])),
    ?assert(Ms >= 1500),
    ?assert(Ms < 10000).

an_answer_that_never_comes_is_an_unknown_fate(_Config) ->
    %% Apple takes the request and goes silent: after response_timeout the fate is unknown.
    Simulator = apns_simulator:start(),
    ok = apns_simulator:script(Simulator, #{action => stall}),
    Config = apns_simulator:config(Simulator),
    ok = apns_nif:start_app(?APP, Config#{outcomes => all, response_timeout => 1000}),
    {_, {ok, [Id]}} = notify(1),
    ?assertMatch(
        #{event := failed, apns_id := Id, cause := unknown},
        apns_events:outcome(?APP)).

nobody_listening_is_no_different(Config) ->
    %% A refused connection: notify takes the push, and connection_down says why.
    ok = gen_tcp:close(listener(Config)),
    {ok, Free} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Free),
    ok = gen_tcp:close(Free),
    start_app_at(Port, #{queue_timeout => 1500}),
    {_, {ok, [Id]}} = notify(1),
    Events = apns_events:collect(?APP, [connection_down, failed]),
    [#{reason := Reason} | _] = apns_events:kind(connection_down, Events),
    ct:pal("~ts", [Reason]),
    ?assertMatch([#{apns_id := Id, cause := unreachable}], apns_events:kind(failed, Events)).

two_callers_flat_out_are_refused_at_the_bound_until_the_stall_ends(_Config) ->
    %% notify without a pause from two processes: `overloaded' at the bound, memory does not grow
    %% beyond it, and when Apple answers again each taken push has one outcome and notify works.
    Simulator = apns_simulator:start(),
    Limits = #{queue_limit => 20000, queue_bytes => 8 bsl 20, response_timeout => 1000,
               ping_interval => 500, ping_timeout => 500, reconnect_min_interval => 10,
               reconnect_max_interval => 200},
    ok = apns_nif:start_app(?APP, maps:merge(
        (apns_simulator:config(Simulator))#{outcomes => all}, Limits)),
    {_, {ok, [First]}} = notify(0),
    ?assertMatch(#{event := accepted, apns_id := First}, apns_events:outcome(?APP)),
    %% What is connected reads on and says nothing, and who connects anew is not answered.
    ok = apns_simulator:script(Simulator, #{listener => silent}),
    ok = apns_simulator:script(Simulator, #{now => mute}),
    Before = resident_bytes(),
    Test = self(),
    Callers = [spawn_monitor(fun() -> flat_out(Test, Caller * 10000000, []) end)
               || Caller <- [1, 2]],
    %% Each has been refused, and goes on calling.
    [receive {overloaded, Pid} -> ok after 30000 -> error(never_overloaded) end
     || {Pid, _} <- Callers],
    Refused = maps:get(overloaded, apns_nif:stats(?APP)),
    Stats = until(fun(#{overloaded := Now}) -> Now > Refused + 50000 end),
    ?assertMatch(#{queued := Queued, in_flight := InFlight, delayed := Delayed}
                     when Queued + InFlight + Delayed =< 20000, Stats),
    ?assertMatch(#{queued_bytes := Bytes} when Bytes =< 8 bsl 20, Stats),
    Grown = resident_bytes() - Before,
    ct:pal("~b refused; ~b KiB more memory", [maps:get(overloaded, Stats), Grown div 1024]),
    %% The bound of bytes several times over, for the callers' own lists and heaps: a call refused
    %% would leave more than that if it left anything.
    ?assert(Grown < 128 bsl 20),
    ok = apns_simulator:script(Simulator, #{listener => serve}),
    Taken = lists:append([begin
        Pid ! stop,
        receive
            {'DOWN', Monitor, process, Pid, {taken, Ids}} -> Ids
        after 30000 ->
            error(caller_hangs)
        end
    end || {Pid, Monitor} <- Callers]),
    ?assert(length(Taken) > 1000),
    Outcomes = apns_events:outcomes(?APP, length(Taken), 90000),
    ?assertEqual(lists:sort(Taken), apns_events:ids(Outcomes)),
    {_, {ok, [Last]}} = notify(1),
    ?assertMatch(#{event := accepted, apns_id := Last}, apns_events:outcome(?APP)).

flat_out(Test, N, Taken) ->
    receive
        stop -> exit({taken, Taken})
    after 0 ->
        case notify(N) of
            {_, {ok, [Id]}} ->
                flat_out(Test, N + 1, [Id | Taken]);
            {_, {error, overloaded}} when is_pid(Test) ->
                Test ! {overloaded, self()},
                flat_out(told, N + 1, Taken);
            {_, {error, overloaded}} ->
                flat_out(told, N + 1, Taken)
        end
    end.

until(Holds) ->
    until(Holds, erlang:monotonic_time(millisecond) + 60000).

until(Holds, Deadline) ->
    Stats = apns_nif:stats(?APP),
    case Holds(Stats) of
        true -> Stats;
        false ->
            ?assert(erlang:monotonic_time(millisecond) < Deadline),
            erlang:yield(),
            until(Holds, Deadline)
    end.

%% Of the whole VM, the library included.
resident_bytes() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [KiB]} = re:run(Status, "VmRSS:\\s+(\\d+)", [{capture, all_but_first, list}]),
    list_to_integer(KiB) * 1024.

%%% What the cases share

start_app(Config, Options) ->
    {ok, Port} = inet:port(listener(Config)),
    start_app_at(Port, Options).

start_app_at(Port, Options) ->
    Simulator = apns_simulator:start(),
    Url = iolist_to_binary(["https://127.0.0.1:", integer_to_list(Port)]),
    Config = maps:merge(apns_simulator:config(Simulator), Options),
    ok = apns_nif:start_app(?APP, Config#{environment => Url, outcomes => all}).

notify(N) ->
    notify(?APP, N).

notify(App, N) ->
    timer:tc(fun() -> apns_nif:notify(App, {token, token(N)}, ?HELLO) end).

%% The stats, once the engine has looked at every push.
all_looked_at(Deadline) ->
    ?assert(erlang:monotonic_time(millisecond) < Deadline),
    case apns_nif:stats(?APP) of
        #{queued_new := 0, queued := 9, connection_list := [_]} = Stats -> Stats;
        _ -> erlang:yield(), all_looked_at(Deadline)
    end.

listener(Config) ->
    proplists:get_value(listener, Config).

token(N) ->
    string:lowercase(binary:encode_hex(<<N:256>>)).
