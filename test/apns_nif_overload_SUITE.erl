%% @doc At a bound notify refuses, says so, and loses nothing that it took.
-module(apns_nif_overload_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, end_per_testcase/2]).
-export([
    a_full_queue_refuses_and_keeps_what_it_took/1,
    a_notification_is_taken_as_a_whole_or_not_at_all/1,
    many_callers_at_once_lose_nothing/1
]).

-define(APP, <<"im.example.chat">>).
-define(BOB, <<"bob@example.org">>).
-define(HELLO, #{alert => <<"Hello">>}).

suite() ->
    [{timetrap, {seconds, 120}}].

all() ->
    [
        a_full_queue_refuses_and_keeps_what_it_took,
        a_notification_is_taken_as_a_whole_or_not_at_all,
        many_callers_at_once_lose_nothing
    ].

end_per_testcase(_Case, _Config) ->
    ok = apns_nif:stop_app(?APP, 0).

a_full_queue_refuses_and_keeps_what_it_took(_Config) ->
    %% What was taken ends in one outcome each, what was refused in none.
    Simulator = apns_simulator:start(["--listener", "silent"]),
    start_app(Simulator, #{queue_limit => 50}),
    {Taken, Refused} = notify_until_refused(200),
    ?assertEqual(200, length(Taken) + Refused),
    ?assertEqual(50, length(Taken)),
    ?assertMatch(#{taken := 50, overloaded := Refused}, apns_nif:stats(?APP)),
    %% Now Apple is back.
    ok = apns_simulator:script(Simulator, #{listener => serve}),
    Outcomes = apns_events:outcomes(?APP, 50, 60000),
    ?assertEqual(lists:sort(Taken), apns_events:ids(Outcomes)),
    ?assertEqual([accepted], lists:usort([Kind || #{event := Kind} <- Outcomes])),
    %% And there is room again.
    {ok, [_]} = apns_nif:notify(?APP, {token, token(1)}, ?HELLO),
    ?assertMatch(#{event := accepted}, apns_events:outcome(?APP)).

a_notification_is_taken_as_a_whole_or_not_at_all(_Config) ->
    %% Ten devices and room for five: no push is queued.
    Simulator = apns_simulator:start(["--listener", "silent"]),
    start_app(Simulator, #{queue_limit => 15}),
    ok = apns_nif:set_devices(?APP, ?BOB, [token(N) || N <- lists:seq(1, 10)]),
    {ok, Ids} = apns_nif:notify(?APP, ?BOB, ?HELLO),
    ?assertEqual(10, length(Ids)),
    ?assertEqual({error, overloaded}, apns_nif:notify(?APP, ?BOB, ?HELLO)),
    ?assertMatch(#{taken := 10}, apns_nif:stats(?APP)).

many_callers_at_once_lose_nothing(_Config) ->
    %% Forty processes push through a queue of a hundred: taken = outcomes, whoever was refused.
    Simulator = apns_simulator:start(),
    start_app(Simulator, #{queue_limit => 100}),
    Callers = [spawn_monitor(fun() -> exit({taken, notify_each(Caller)}) end)
               || Caller <- lists:seq(1, 40)],
    Taken = lists:append([
        receive
            {'DOWN', Monitor, process, Pid, {taken, Ids}} -> Ids
        after 30000 ->
            error(caller_hangs)
        end || {Pid, Monitor} <- Callers]),
    ct:pal("~b of ~b taken", [length(Taken), 40 * 250]),
    Outcomes = apns_events:outcomes(?APP, length(Taken), 60000),
    ?assertEqual(lists:sort(Taken), apns_events:ids(Outcomes)).

%%% What the cases share

start_app(Simulator, Options) ->
    Config = maps:merge(apns_simulator:config(Simulator), Options),
    ok = apns_nif:start_app(?APP, Config#{outcomes => all}).

notify_until_refused(Count) ->
    Answers = [apns_nif:notify(?APP, {token, token(N)}, ?HELLO) || N <- lists:seq(1, Count)],
    Taken = [Id || {ok, [Id]} <- Answers],
    {Taken, length([refused || {error, overloaded} <- Answers])}.

notify_each(Caller) ->
    Answers = [apns_nif:notify(?APP, {token, token(Caller * 1000 + N)}, ?HELLO)
               || N <- lists:seq(1, 250)],
    ?assertEqual([], [Answer || {error, Reason} = Answer <- Answers, Reason =/= overloaded]),
    [Id || {ok, [Id]} <- Answers].

token(N) ->
    string:lowercase(binary:encode_hex(<<N:256>>)).
