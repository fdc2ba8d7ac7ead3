%% @doc A server that takes connections and never answers: callers do not notice, outcomes come.
-module(apns_nif_stalled_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    notify_returns_at_once/1,
    the_queue_is_told_per_lane/1,
    outcomes_come_in_their_time/1,
    an_answer_that_never_comes_is_an_unknown_fate/1,
    nobody_listening_is_no_different/1
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
        nobody_listening_is_no_different
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
        all_looked_at(10000)).

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
all_looked_at(PatienceMs) when PatienceMs > 0 ->
    case apns_nif:stats(?APP) of
        #{queued_new := 0, queued := 9, connection_list := [_]} = Stats -> Stats;
        _ -> timer:sleep(10), all_looked_at(PatienceMs - 10)
    end.

listener(Config) ->
    proplists:get_value(listener, Config).

token(N) ->
    string:lowercase(binary:encode_hex(<<N:256>>)).
