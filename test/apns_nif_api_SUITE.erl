%% @doc What each function of apns_nif promises when all goes well.
-module(apns_nif_api_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    the_readme_example_ends_in_accepted/1,
    a_client_certificate_is_as_good_as_a_key/1,
    the_same_start_again_is_counted/1,
    another_configuration_is_refused_and_named/1,
    every_device_of_an_owner_gets_a_push/1,
    calls_go_to_voip_devices_and_the_rest_to_the_others/1,
    set_devices_replaces_them_all/1,
    an_unregistered_device_gets_nothing/1,
    a_known_owner_without_devices_is_not_an_unknown_one/1,
    a_token_needs_no_owner/1,
    hex_and_raw_bytes_are_the_same_token/1,
    a_notification_arrives_in_apples_words/1,
    finished_json_arrives_byte_for_byte/1,
    headers_arrive_from_the_options_and_from_the_notification/1,
    an_apns_id_of_your_own_is_kept/1,
    a_refused_push_says_why/1,
    a_dead_token_is_told_with_owner_and_time/1,
    a_token_registered_after_its_death_is_not_called_dead/1,
    another_receiver_gets_the_events/1,
    stats_add_up/1,
    stats_tell_connection_and_provider_token/1,
    with_a_certificate_there_is_no_provider_token_to_tell/1
]).

-define(APP, <<"im.example.chat">>).
-define(BOB, <<"bob@example.org">>).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [
        the_readme_example_ends_in_accepted,
        a_client_certificate_is_as_good_as_a_key,
        the_same_start_again_is_counted,
        another_configuration_is_refused_and_named,
        every_device_of_an_owner_gets_a_push,
        calls_go_to_voip_devices_and_the_rest_to_the_others,
        set_devices_replaces_them_all,
        an_unregistered_device_gets_nothing,
        a_known_owner_without_devices_is_not_an_unknown_one,
        a_token_needs_no_owner,
        hex_and_raw_bytes_are_the_same_token,
        a_notification_arrives_in_apples_words,
        finished_json_arrives_byte_for_byte,
        headers_arrive_from_the_options_and_from_the_notification,
        an_apns_id_of_your_own_is_kept,
        a_refused_push_says_why,
        a_dead_token_is_told_with_owner_and_time,
        a_token_registered_after_its_death_is_not_called_dead,
        another_receiver_gets_the_events,
        stats_add_up,
        stats_tell_connection_and_provider_token,
        with_a_certificate_there_is_no_provider_token_to_tell
    ].

init_per_testcase(_Case, Config) ->
    Simulator = apns_simulator:start(),
    AppConfig = (apns_simulator:config(Simulator))#{outcomes => all},
    ok = apns_nif:start_app(?APP, AppConfig),
    [{simulator, Simulator}, {app_config, AppConfig} | Config].

end_per_testcase(_Case, _Config) ->
    ok = apns_nif:stop_app(?APP, 0).

the_readme_example_ends_in_accepted(_Config) ->
    %% What README shows: start, register, notify, see the push accepted.
    Token = token(1),
    ok = apns_nif:register_token(?APP, ?BOB, Token),
    {ok, [Id]} = apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}),
    ?assertMatch(
        #{event := accepted, apns_id := Id, owner := ?BOB, token := Token},
        apns_events:outcome(?APP)).

a_client_certificate_is_as_good_as_a_key(Config) ->
    %% With certificate_file in the place of key_file a push is accepted, without provider token.
    ok = apns_nif:stop_app(?APP, 0),
    Certificate = apns_simulator:certificate_config(simulator(Config), <<"good">>),
    ok = apns_nif:start_app(?APP, Certificate#{outcomes => all}),
    accepted([token(1)]),
    [#{<<"headers">> := Headers}] = apns_simulator:journal(simulator(Config), 1),
    ?assertNot(is_map_key(<<"authorization">>, Headers)).

the_same_start_again_is_counted(Config) ->
    %% An app that was started twice runs until it was stopped twice, and keeps its devices.
    ok = apns_nif:register_token(?APP, ?BOB, token(1)),
    ok = apns_nif:start_app(?APP, app_config(Config)),
    ok = apns_nif:stop_app(?APP, 0),
    {ok, [_]} = apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}),
    #{event := accepted} = apns_events:outcome(?APP),
    ok = apns_nif:stop_app(?APP, 0),
    ?assertEqual({error, unknown_app}, apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>})),
    ?assertEqual(ok, apns_nif:stop_app(?APP, 0)).

another_configuration_is_refused_and_named(Config) ->
    %% A start with other options changes nothing and names the options that differ.
    Other = (app_config(Config))#{
        team_id => <<"OTHERTEAM1">>, outcomes => none, index_authorization => true
    },
    {error, {already_started, Differences}} = apns_nif:start_app(?APP, Other),
    ?assertEqual([index_authorization, outcomes, team_id], lists:sort(Differences)),
    accepted([token(1)]).

every_device_of_an_owner_gets_a_push(Config) ->
    %% A notification for an owner becomes one push, with an apns-id of its own, for each device.
    Tokens = [token(N) || N <- lists:seq(1, 5)],
    [ok = apns_nif:register_token(?APP, ?BOB, Token) || Token <- Tokens],
    {ok, Ids} = apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}),
    ?assertEqual(5, length(lists:usort(Ids))),
    Outcomes = apns_events:outcomes(?APP, 5),
    ?assertEqual(lists:sort(Ids), apns_events:ids(Outcomes)),
    ?assertEqual(lists:sort(Tokens), tokens(apns_simulator:journal(simulator(Config), 5))).

calls_go_to_voip_devices_and_the_rest_to_the_others(Config) ->
    %% A voip device gets voip pushes only, an alert device all others.
    ok = apns_nif:set_devices(?APP, ?BOB, [
        #{token => token(1)},
        #{token => token(2), kind => voip, registered_at => erlang:system_time(millisecond)}
    ]),
    {ok, [_]} = apns_nif:notify(?APP, ?BOB, #{custom => #{call => 1}}, #{push_type => voip}),
    {ok, [_]} = apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}),
    _ = apns_events:outcomes(?APP, 2),
    Arrived = [{header(<<"apns-push-type">>, Request), token_of(Request)}
               || Request <- apns_simulator:journal(simulator(Config), 2)],
    ?assertEqual([{<<"alert">>, token(1)}, {<<"voip">>, token(2)}], lists:sort(Arrived)).

set_devices_replaces_them_all(Config) ->
    %% After set_devices an owner has these devices and no other.
    ok = apns_nif:register_token(?APP, ?BOB, token(1)),
    ok = apns_nif:set_devices(?APP, ?BOB, [token(2), #{token => token(3)}]),
    {ok, [_, _]} = apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}),
    Arrived = tokens(apns_simulator:journal(simulator(Config), 2)),
    ?assertEqual([token(2), token(3)], Arrived).

an_unregistered_device_gets_nothing(Config) ->
    %% unregister_token takes one device away, twice is as good as once.
    ok = apns_nif:set_devices(?APP, ?BOB, [token(1), token(2)]),
    ok = apns_nif:unregister_token(?APP, ?BOB, token(1)),
    ok = apns_nif:unregister_token(?APP, ?BOB, token(1)),
    {ok, [_]} = apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}),
    ?assertEqual([token(2)], tokens(apns_simulator:journal(simulator(Config), 1))).

a_known_owner_without_devices_is_not_an_unknown_one(_Config) ->
    %% notify and count_devices tell an owner without devices from one never heard of.
    Asked = fun() ->
        {apns_nif:count_devices(?APP, ?BOB), apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>})}
    end,
    Unknown = {error, unknown_owner},
    ?assertEqual({Unknown, Unknown}, Asked()),
    ok = apns_nif:set_devices(?APP, ?BOB, []),
    ?assertEqual({{ok, 0}, {ok, []}}, Asked()),
    ok = apns_nif:set_devices(?APP, ?BOB, [token(1), #{token => token(2), kind => voip}]),
    ?assertMatch({{ok, 2}, {ok, [_]}}, Asked()),
    [ok = apns_nif:unregister_token(?APP, ?BOB, token(N)) || N <- [1, 2]],
    ?assertEqual({{ok, 0}, {ok, []}}, Asked()),
    ok = apns_nif:forget_owner(?APP, ?BOB),
    ?assertEqual({Unknown, Unknown}, Asked()),
    ?assertMatch(#{unknown_owner := 2}, apns_nif:stats(?APP)).

a_token_needs_no_owner(_Config) ->
    %% A push to a token carries no owner in its outcome.
    Token = token(1),
    {ok, [Id]} = apns_nif:notify(?APP, {token, Token}, #{alert => <<"Hello">>}),
    Outcome = apns_events:outcome(?APP),
    ?assertMatch(#{event := accepted, apns_id := Id, token := Token}, Outcome),
    ?assertNot(is_map_key(owner, Outcome)).

hex_and_raw_bytes_are_the_same_token(_Config) ->
    %% A device registered by raw bytes is the one of the hex digits, in either case.
    Hex = token(171),
    ok = apns_nif:register_token(?APP, ?BOB, binary:decode_hex(Hex)),
    ok = apns_nif:register_token(?APP, ?BOB, string:uppercase(Hex)),
    ok = apns_nif:register_token(?APP, ?BOB, Hex),
    {ok, [_]} = apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}),
    ?assertMatch(#{token := Hex}, apns_events:outcome(?APP)).

a_notification_arrives_in_apples_words(Config) ->
    %% Keys with underscores become Apple's, custom stands beside aps, text arrives unharmed.
    Body = <<"\"quoted\" \\ \n 💬 \0"/utf8>>,
    {ok, [_]} = apns_nif:notify(?APP, {token, token(1)}, #{
        title => <<"Alice">>,
        subtitle => <<"Chat">>,
        body => Body,
        badge => 3,
        sound => #{name => <<"ping.caf">>, critical => true, volume => 0.5},
        thread_id => <<"alice">>,
        category => <<"MESSAGE">>,
        mutable_content => true,
        interruption_level => time_sensitive,
        relevance_score => 1,
        custom => #{
            <<"conversation">> => <<"alice@example.org">>,
            nested => #{list => [1, -2, 3.5, true, false, null, [], #{}, <<>>]}
        }
    }),
    [#{<<"payload">> := Payload}] = apns_simulator:journal(simulator(Config), 1),
    ?assertEqual(
        #{
            <<"aps">> => #{
                <<"alert">> => #{
                    <<"title">> => <<"Alice">>,
                    <<"subtitle">> => <<"Chat">>,
                    <<"body">> => Body
                },
                <<"badge">> => 3,
                <<"sound">> => #{
                    <<"name">> => <<"ping.caf">>, <<"critical">> => 1, <<"volume">> => 0.5
                },
                <<"thread-id">> => <<"alice">>,
                <<"category">> => <<"MESSAGE">>,
                <<"mutable-content">> => 1,
                <<"interruption-level">> => <<"time-sensitive">>,
                <<"relevance-score">> => 1.0
            },
            <<"conversation">> => <<"alice@example.org">>,
            <<"nested">> => #{
                <<"list">> => [1, -2, 3.5, true, false, null, [], #{}, <<>>]
            }
        },
        Payload).

finished_json_arrives_byte_for_byte(Config) ->
    %% Finished JSON is checked but not written anew.
    Json = <<"{ \"aps\" : {\"alert\":\"\\u00e9\"} , \"z\":1.0, \"a\":[ ] }">>,
    {ok, [_]} = apns_nif:notify(?APP, {token, token(1)}, Json),
    #{event := accepted} = apns_events:outcome(?APP),
    [#{<<"payload">> := Payload}] = apns_simulator:journal(simulator(Config), 1),
    ?assertEqual(jiffy:decode(Json, [return_maps]), Payload).

headers_arrive_from_the_options_and_from_the_notification(Config) ->
    %% push_type, priority, expiration, collapse_id and apns_id may stand in either of the two.
    Expiration = erlang:system_time(second) + 3600,
    Headers = #{
        push_type => background,
        priority => 5,
        expiration => Expiration,
        collapse_id => <<"chat-17">>
    },
    First = #{apns_id => <<"123e4567-e89b-12d3-a456-426655440001">>},
    Second = #{apns_id => <<"123E4567-E89B-12D3-A456-426655440002">>},
    Silent = #{content_available => true},
    {ok, [<<_:35/binary, "1">>]} =
        apns_nif:notify(?APP, {token, token(1)}, Silent, maps:merge(Headers, First)),
    {ok, [<<_:35/binary, "2">>]} =
        apns_nif:notify(?APP, {token, token(2)}, maps:merge(Silent, maps:merge(Headers, Second))),
    Requests = apns_simulator:journal(simulator(Config), 2),
    [begin
        ?assertEqual(<<"background">>, header(<<"apns-push-type">>, Request)),
        ?assertEqual(<<"5">>, header(<<"apns-priority">>, Request)),
        ?assertEqual(integer_to_binary(Expiration), header(<<"apns-expiration">>, Request)),
        ?assertEqual(<<"chat-17">>, header(<<"apns-collapse-id">>, Request)),
        ?assertEqual(<<"im.example.chat">>, header(<<"apns-topic">>, Request))
    end || Request <- Requests],
    ?assertEqual(
        [<<"123e4567-e89b-12d3-a456-426655440001">>, <<"123e4567-e89b-12d3-a456-426655440002">>],
        lists:sort([header(<<"apns-id">>, Request) || Request <- Requests])).

an_apns_id_of_your_own_is_kept(_Config) ->
    %% A caller's UUID names the push to its outcome, if it is for one device.
    Id = <<"123e4567-e89b-12d3-a456-426655440000">>,
    Hello = #{alert => <<"Hello">>, apns_id => Id},
    ok = apns_nif:register_token(?APP, ?BOB, token(1)),
    {ok, [Id]} = apns_nif:notify(?APP, ?BOB, Hello),
    ?assertMatch(#{event := accepted, apns_id := Id}, apns_events:outcome(?APP)),
    ok = apns_nif:register_token(?APP, ?BOB, token(2)),
    ?assertEqual({error, {bad_notification, apns_id}}, apns_nif:notify(?APP, ?BOB, Hello)).

a_refused_push_says_why(Config) ->
    %% What Apple refuses ends as rejected with status and reason, known or not.
    Token = token(1),
    Answers = [{400, <<"PayloadEmpty">>}, {413, <<"PayloadTooLarge">>}, {499, <<"NewReason">>}],
    [begin
        Answer = #{status => Status, reason => Reason},
        ok = apns_simulator:answer(simulator(Config), Token, Answer),
        {ok, [Id]} = apns_nif:notify(?APP, {token, Token}, #{alert => <<"Hello">>}),
        ?assertMatch(
            #{event := rejected, apns_id := Id, status := Status, reason := Reason},
            apns_events:outcome(?APP))
    end || {Status, Reason} <- Answers].

a_dead_token_is_told_with_owner_and_time(Config) ->
    %% 410 gives rejected and token_invalid, both with Apple's time in milliseconds.
    Token = token(1),
    Now = erlang:system_time(millisecond),
    ok = apns_nif:register_token(?APP, ?BOB, #{token => Token, registered_at => Now - 5000}),
    ok = apns_simulator:answer(simulator(Config), Token,
        #{status => 410, reason => <<"Unregistered">>, timestamp => Now}),
    {ok, [Id]} = apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}),
    Events = apns_events:collect(?APP, [rejected, token_invalid]),
    ?assertMatch(
        [#{apns_id := Id, timestamp := Now}], apns_events:kind(rejected, Events)),
    ?assertEqual(
        [#{
            event => token_invalid, owner => ?BOB, token => Token,
            reason => <<"Unregistered">>, timestamp => Now
        }],
        apns_events:kind(token_invalid, Events)).

a_token_registered_after_its_death_is_not_called_dead(Config) ->
    %% A device that came back after Apple's time stays: no token_invalid, only the rejection.
    Token = token(1),
    Now = erlang:system_time(millisecond),
    ok = apns_nif:register_token(?APP, ?BOB, #{token => Token, registered_at => Now}),
    ok = apns_simulator:answer(simulator(Config), Token,
        #{status => 410, reason => <<"Unregistered">>, timestamp => Now - 1}),
    {ok, [_]} = apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}),
    #{event := rejected} = apns_events:outcome(?APP),
    ?assertMatch(#{token_invalid := 0, rejected := 1}, apns_nif:stats(?APP)).

another_receiver_gets_the_events(_Config) ->
    %% set_event_receiver turns the events of later pushes to another process.
    Test = self(),
    Receiver = spawn_link(fun() -> Test ! {other, apns_events:outcome(?APP)} end),
    ok = apns_nif:set_event_receiver(?APP, Receiver),
    {ok, [Id]} = apns_nif:notify(?APP, {token, token(1)}, #{alert => <<"Hello">>}),
    receive
        {other, Outcome} -> ?assertMatch(#{event := accepted, apns_id := Id}, Outcome)
    after 10000 ->
        error(nothing_received)
    end.

stats_add_up(_Config) ->
    %% taken = accepted + rejected + failed + inside.
    {ok, Ids} = notify_many(50),
    50 = length(Ids),
    _ = apns_events:outcomes(?APP, 50),
    ?assertMatch(
        #{taken := 50, accepted := 50, rejected := 0, queued := 0, in_flight := 0},
        apns_nif:stats(?APP)).

stats_tell_connection_and_provider_token(Config) ->
    %% The one connection leads to the simulator; the token is between 1 and 31 minutes old.
    #{environment := <<"https://", Address/binary>>} = app_config(Config),
    accepted([token(1)]),
    #{connection_list := Connections, provider_token_age_ms := Age} =
        shown(erlang:monotonic_time(millisecond) + 10000),
    [#{age_ms := _, streams := 0, max_streams := Max, window_bytes := Window}] =
        [Connection || #{peer := Peer, state := serving} = Connection <- Connections,
                       Peer =:= Address],
    ?assert(Max > 0),
    ?assert(Window > 0),
    ?assert(Age >= 60000),
    ?assert(Age =< 32 * 60000).

with_a_certificate_there_is_no_provider_token_to_tell(Config) ->
    %% provider_token_age_ms is absent, credentials_expire_in is not.
    ok = apns_nif:stop_app(?APP, 0),
    Certificate = apns_simulator:certificate_config(simulator(Config), <<"good">>),
    ok = apns_nif:start_app(?APP, Certificate#{outcomes => all}),
    accepted([token(1)]),
    Stats = apns_nif:stats(?APP),
    ?assertNot(is_map_key(provider_token_age_ms, Stats)),
    ?assert(is_map_key(credentials_expire_in, Stats)).

%%% What the cases share

%% The stats, once the list of connections shows that nothing is in flight on the only one.
shown(Deadline) ->
    ?assert(erlang:monotonic_time(millisecond) < Deadline),
    case apns_nif:stats(?APP) of
        #{connection_list := [#{state := serving, streams := 0}]} = Stats -> Stats;
        _ -> erlang:yield(), shown(Deadline)
    end.

accepted(Tokens) ->
    [begin
        {ok, [_]} = apns_nif:notify(?APP, {token, Token}, #{alert => <<"Hello">>}),
        #{event := accepted} = apns_events:outcome(?APP)
    end || Token <- Tokens].

notify_many(Count) ->
    ok = apns_nif:set_devices(?APP, ?BOB, [token(N) || N <- lists:seq(1, Count)]),
    apns_nif:notify(?APP, ?BOB, #{alert => <<"Hello">>}).

simulator(Config) ->
    proplists:get_value(simulator, Config).

app_config(Config) ->
    proplists:get_value(app_config, Config).

%% 64 hex digits, lower case.
token(N) ->
    string:lowercase(binary:encode_hex(<<N:256>>)).

tokens(Requests) ->
    lists:sort([token_of(Request) || Request <- Requests]).

token_of(#{<<"path">> := <<"/3/device/", Token/binary>>}) ->
    Token.

header(Name, #{<<"headers">> := Headers}) ->
    maps:get(Name, Headers).
