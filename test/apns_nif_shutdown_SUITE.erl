%% @doc stop_app drains, is bounded in time, and leaves no push without an outcome.
-module(apns_nif_shutdown_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, end_per_testcase/2]).
-export([
    stop_waits_for_what_is_inside/1,
    stop_ends_the_rest_when_its_time_is_over/1,
    a_stop_without_drain_is_immediate/1,
    an_app_can_be_started_again_at_once/1,
    other_apps_go_on_while_one_drains/1,
    a_stopped_app_is_unknown/1
]).

-define(APP, <<"im.example.chat">>).
-define(OTHER, <<"im.example.chat.other">>).
-define(HELLO, #{alert => <<"Hello">>}).

suite() ->
    [{timetrap, {seconds, 120}}].

all() ->
    [
        stop_waits_for_what_is_inside,
        stop_ends_the_rest_when_its_time_is_over,
        a_stop_without_drain_is_immediate,
        an_app_can_be_started_again_at_once,
        other_apps_go_on_while_one_drains,
        a_stopped_app_is_unknown
    ].

end_per_testcase(_Case, _Config) ->
    ok = apns_nif:stop_app(?APP, 0),
    ok = apns_nif:stop_app(?OTHER, 0).

stop_waits_for_what_is_inside(_Config) ->
    %% Within DrainMs everything is sent and answered, and all events are there when stop returns.
    start_app(?APP, apns_simulator:start()),
    Ids = notify_some(200),
    ok = apns_nif:stop_app(?APP, 20000),
    Outcomes = apns_events:outcomes(?APP, 200, 0),
    ?assertEqual(lists:sort(Ids), apns_events:ids(Outcomes)),
    ?assertEqual([accepted], lists:usort([Kind || #{event := Kind} <- Outcomes])).

stop_ends_the_rest_when_its_time_is_over(_Config) ->
    %% Apple is silent: after DrainMs stop returns, and each push has failed as stopped.
    start_app(?APP, apns_simulator:start(["--listener", "silent"])),
    Ids = notify_some(200),
    {Ms, ok} = timed(fun() -> apns_nif:stop_app(?APP, 500) end),
    ?assert(Ms >= 500),
    ?assert(Ms < 5000),
    Outcomes = apns_events:outcomes(?APP, 200, 0),
    ?assertEqual(lists:sort(Ids), apns_events:ids(Outcomes)),
    ?assertEqual([stopped], lists:usort([Cause || #{cause := Cause} <- Outcomes])).

a_stop_without_drain_is_immediate(_Config) ->
    %% With DrainMs 0 nothing is waited for.
    start_app(?APP, apns_simulator:start(["--listener", "silent"])),
    [Id] = notify_some(1),
    {Ms, ok} = timed(fun() -> apns_nif:stop_app(?APP, 0) end),
    ?assert(Ms < 2000),
    ?assertMatch([#{apns_id := Id, cause := stopped}], apns_events:outcomes(?APP, 1, 0)).

an_app_can_be_started_again_at_once(_Config) ->
    %% Fifty starts and stops, a push in each.
    Simulator = apns_simulator:start(),
    [begin
        start_app(?APP, Simulator),
        [Id] = notify_some(1),
        ok = apns_nif:stop_app(?APP, 10000),
        ?assertMatch([#{event := accepted, apns_id := Id}], apns_events:outcomes(?APP, 1, 0))
    end || _ <- lists:seq(1, 50)].

other_apps_go_on_while_one_drains(_Config) ->
    %% A stop that waits holds up neither pushes of another app nor its start and stop.
    start_app(?APP, apns_simulator:start(["--listener", "silent"])),
    _ = notify_some(1),
    Stopper = spawn_monitor(fun() -> ok = apns_nif:stop_app(?APP, 20000) end),
    start_app(?OTHER, apns_simulator:start()),
    {ok, [Id]} = apns_nif:notify(?OTHER, {token, token(1)}, ?HELLO),
    ?assertMatch(#{event := accepted, apns_id := Id}, apns_events:outcome(?OTHER)),
    ok = apns_nif:stop_app(?OTHER, 1000),
    {Pid, Monitor} = Stopper,
    ?assert(is_process_alive(Pid)),
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason)
    after 30000 ->
        error(stop_hangs)
    end.

a_stopped_app_is_unknown(_Config) ->
    %% After stop every function says unknown_app, and stop itself ok.
    start_app(?APP, apns_simulator:start()),
    ok = apns_nif:stop_app(?APP, 0),
    Unknown = {error, unknown_app},
    ?assertEqual(Unknown, apns_nif:notify(?APP, {token, token(1)}, ?HELLO)),
    ?assertEqual(Unknown, apns_nif:register_token(?APP, <<"bob">>, token(1))),
    ?assertEqual(Unknown, apns_nif:unregister_token(?APP, <<"bob">>, token(1))),
    ?assertEqual(Unknown, apns_nif:set_devices(?APP, <<"bob">>, [])),
    ?assertEqual(Unknown, apns_nif:forget_owner(?APP, <<"bob">>)),
    ?assertEqual(Unknown, apns_nif:forget_owners(?APP)),
    ?assertEqual(Unknown, apns_nif:count_devices(?APP, <<"bob">>)),
    ?assertEqual(Unknown, apns_nif:set_event_receiver(?APP, self())),
    ?assertEqual(Unknown, apns_nif:stats(?APP)),
    ?assertEqual(ok, apns_nif:stop_app(?APP, 0)).

%%% What the cases share

start_app(App, Simulator) ->
    Config = apns_simulator:config(Simulator),
    ok = apns_nif:start_app(App, Config#{outcomes => all}).

notify_some(Count) ->
    [begin
        {ok, [Id]} = apns_nif:notify(?APP, {token, token(N)}, ?HELLO),
        Id
    end || N <- lists:seq(1, Count)].

timed(Fun) ->
    Start = erlang:monotonic_time(millisecond),
    Result = Fun(),
    {erlang:monotonic_time(millisecond) - Start, Result}.

token(N) ->
    string:lowercase(binary:encode_hex(<<N:256>>)).
