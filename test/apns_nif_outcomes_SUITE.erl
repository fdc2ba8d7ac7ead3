%% @doc Every push that notify took ends in exactly one outcome, and it reaches who asked for it.
-module(apns_nif_outcomes_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    failures_are_told_unless_asked_otherwise/1,
    all_outcomes_are_told_when_asked_for/1,
    none_are_told_when_none_are_wanted/1,
    reply_to_gets_the_outcomes_of_its_notification/1,
    a_dead_receiver_costs_events_and_nothing_else/1,
    a_restarted_simulator_costs_no_outcome/1
]).

-define(APP, <<"im.example.chat">>).
-define(HELLO, #{alert => <<"Hello">>}).

suite() ->
    [{timetrap, {seconds, 120}}].

all() ->
    [
        failures_are_told_unless_asked_otherwise,
        all_outcomes_are_told_when_asked_for,
        none_are_told_when_none_are_wanted,
        reply_to_gets_the_outcomes_of_its_notification,
        a_dead_receiver_costs_events_and_nothing_else,
        a_restarted_simulator_costs_no_outcome
    ].

init_per_testcase(_Case, Config) ->
    Config.

end_per_testcase(_Case, _Config) ->
    ok = apns_nif:stop_app(?APP, 0).

failures_are_told_unless_asked_otherwise(_Config) ->
    %% By default the receiver hears of what Apple refused, and not of what it took.
    Rejected = one_accepted_and_one_rejected(#{}),
    ?assertMatch(#{event := rejected, apns_id := Rejected}, apns_events:outcome(?APP)),
    ?assertMatch(#{accepted := 1, rejected := 1}, apns_nif:stats(?APP)).

all_outcomes_are_told_when_asked_for(_Config) ->
    %% With outcomes => all the receiver hears of each push.
    _ = one_accepted_and_one_rejected(#{outcomes => all}),
    Outcomes = apns_events:outcomes(?APP, 2),
    ?assertEqual([accepted, rejected], lists:sort([Kind || #{event := Kind} <- Outcomes])).

none_are_told_when_none_are_wanted(_Config) ->
    %% With outcomes => none they are counted only.
    _ = one_accepted_and_one_rejected(#{outcomes => none}),
    %% A notification's own reply_to is served still; when it has come, so would have the others.
    {ok, [Id]} = apns_nif:notify(?APP, {token, token(3)}, ?HELLO, #{reply_to => self()}),
    ?assertMatch(#{event := accepted, apns_id := Id}, apns_events:outcome(?APP)),
    ?assertMatch(#{accepted := 2, rejected := 1}, apns_nif:stats(?APP)).

reply_to_gets_the_outcomes_of_its_notification(_Config) ->
    %% reply_to gets the outcome whatever the app's outcomes are, and the receiver does not.
    Simulator = start(#{outcomes => all}),
    Test = self(),
    Asker = spawn_link(fun() -> Test ! {asker, apns_events:outcomes(?APP, 2)} end),
    ok = apns_simulator:answer(Simulator, token(2), #{status => 400, reason => <<"BadPriority">>}),
    {ok, [One]} = apns_nif:notify(?APP, {token, token(1)}, ?HELLO, #{reply_to => Asker}),
    {ok, [Two]} = apns_nif:notify(?APP, {token, token(2)}, ?HELLO, #{reply_to => Asker}),
    {ok, [Three]} = apns_nif:notify(?APP, {token, token(3)}, ?HELLO),
    receive
        {asker, Outcomes} -> ?assertEqual(lists:sort([One, Two]), apns_events:ids(Outcomes))
    after 10000 ->
        error(no_reply)
    end,
    ?assertMatch([#{apns_id := Three}], apns_events:outcomes(?APP, 1)).

a_dead_receiver_costs_events_and_nothing_else(_Config) ->
    %% While the receiver is dead its events are counted as dropped; pushes go on.
    _ = start(#{outcomes => all}),
    Receiver = spawn(fun() -> ok end),
    Monitor = monitor(process, Receiver),
    receive {'DOWN', Monitor, process, Receiver, _} -> ok after 5000 -> error(lives) end,
    ok = apns_nif:set_event_receiver(?APP, Receiver),
    {ok, [_]} = apns_nif:notify(?APP, {token, token(1)}, ?HELLO),
    {ok, [Id]} = apns_nif:notify(?APP, {token, token(2)}, ?HELLO, #{reply_to => self()}),
    ?assertMatch(#{event := accepted, apns_id := Id}, apns_events:outcome(?APP)),
    #{events_dropped := Dropped} = apns_nif:stats(?APP),
    ?assert(Dropped >= 1),
    ok = apns_nif:set_event_receiver(?APP, self()),
    {ok, [Later]} = apns_nif:notify(?APP, {token, token(3)}, ?HELLO),
    ?assertMatch(#{event := accepted, apns_id := Later}, apns_events:outcome(?APP)).

a_restarted_simulator_costs_no_outcome(Config) ->
    %% Killed and restarted amid 1,000 notifications: each ends in exactly one outcome.
    StateDir = filename:join(proplists:get_value(priv_dir, Config), "simulator"),
    Simulator = apns_simulator:start(["--state-dir", StateDir]),
    start_app(Simulator, #{outcomes => all}),
    %% In the middle: of the first half some are answered, others arrived and will never be.
    ok = apns_simulator:script(Simulator, #{action => stall, skip => 250}),
    Earlier = notify_some(1, 500),
    _ = apns_simulator:journal(Simulator, 300),
    ok = apns_simulator:kill(Simulator),
    Later = notify_some(501, 1000),
    Port = integer_to_list(maps:get(provider_port, Simulator)),
    _ = apns_simulator:start(["--state-dir", StateDir, "--listen", "127.0.0.1:" ++ Port]),
    Outcomes = apns_events:outcomes(?APP, 1000, 60000),
    ?assertEqual(lists:sort(Earlier ++ Later), apns_events:ids(Outcomes)),
    Causes = [Cause || #{event := failed, cause := Cause} <- Outcomes],
    ct:pal("~b accepted, ~b of unknown fate", [1000 - length(Causes), length(Causes)]),
    %% What arrived without an answer is not sent again, it might ring twice; all else is.
    ?assertEqual([unknown], lists:usort(Causes)),
    ?assert(length(Causes) =< 250),
    ?assertMatch(#{taken := 1000, queued := 0, in_flight := 0}, apns_nif:stats(?APP)).

%%% What the cases share

start(Options) ->
    Simulator = apns_simulator:start(),
    start_app(Simulator, Options),
    Simulator.

start_app(Simulator, Options) ->
    ok = apns_nif:start_app(?APP, maps:merge(apns_simulator:config(Simulator), Options)).

one_accepted_and_one_rejected(Options) ->
    Simulator = start(Options),
    ok = apns_simulator:answer(Simulator, token(2), #{status => 400, reason => <<"BadPriority">>}),
    {ok, [_]} = apns_nif:notify(?APP, {token, token(1)}, ?HELLO),
    _ = apns_simulator:journal(Simulator, 1),
    {ok, [Rejected]} = apns_nif:notify(?APP, {token, token(2)}, ?HELLO),
    Rejected.

notify_some(From, To) ->
    [begin
        {ok, [Id]} = apns_nif:notify(?APP, {token, token(N)}, ?HELLO),
        Id
    end || N <- lists:seq(From, To)].

token(N) ->
    string:lowercase(binary:encode_hex(<<N:256>>)).
