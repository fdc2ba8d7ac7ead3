%% @doc Whatever a caller passes: a reason he can act upon, or badarg, and nothing else disturbed.
-module(apns_nif_bad_input_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    an_unusable_option_is_named_with_what_to_do/1,
    an_unusable_file_is_named_with_what_to_do/1,
    a_file_that_may_not_be_read_is_named_with_what_to_do/1,
    an_unusable_certificate_is_named_with_what_to_do/1,
    no_secret_is_told/1,
    a_device_that_is_none_is_refused/1,
    more_devices_than_an_owner_may_have_are_refused/1,
    a_wrong_field_of_a_notification_is_named/1,
    a_field_given_twice_is_named/1,
    a_value_that_has_no_form_in_json_is_refused/1,
    json_that_is_none_is_refused/1,
    too_large_a_payload_is_told_in_bytes/1,
    a_huge_value_is_refused_in_no_time/1,
    a_wrong_type_of_argument_is_badarg/1,
    any_term_into_any_function_returns_or_raises_badarg/1
]).

-define(APP, <<"im.example.chat">>).
-define(TARGET, {token, <<"00ff">>}).

suite() ->
    [{timetrap, {seconds, 120}}].

all() ->
    [
        an_unusable_option_is_named_with_what_to_do,
        an_unusable_file_is_named_with_what_to_do,
        a_file_that_may_not_be_read_is_named_with_what_to_do,
        an_unusable_certificate_is_named_with_what_to_do,
        no_secret_is_told,
        a_device_that_is_none_is_refused,
        more_devices_than_an_owner_may_have_are_refused,
        a_wrong_field_of_a_notification_is_named,
        a_field_given_twice_is_named,
        a_value_that_has_no_form_in_json_is_refused,
        json_that_is_none_is_refused,
        too_large_a_payload_is_told_in_bytes,
        a_huge_value_is_refused_in_no_time,
        a_wrong_type_of_argument_is_badarg,
        any_term_into_any_function_returns_or_raises_badarg
    ].

init_per_testcase(_Case, Config) ->
    Simulator = apns_simulator:start(),
    AppConfig = apns_simulator:config(Simulator),
    ok = apns_nif:start_app(?APP, AppConfig),
    [{simulator, Simulator}, {app_config, AppConfig} | Config].

%% The app goes on as if nothing had been.
end_per_testcase(_Case, _Config) ->
    {ok, [Id]} = apns_nif:notify(?APP, ?TARGET, #{alert => <<"Hello">>}, #{reply_to => self()}),
    ?assertMatch(#{event := accepted}, apns_events:outcome_of(?APP, Id)),
    ok = apns_nif:stop_app(?APP, 0).

an_unusable_option_is_named_with_what_to_do(Config) ->
    %% Unknown, of the wrong kind, or out of bounds: the option's name and a sentence.
    Good = app_config(Config),
    Cases = [
        {no_such_option, 1},
        {<<"topic">>, <<"im.example.chat">>},
        {topic, "im.example.chat"},
        {topic, <<"im example">>},
        {topic, <<255>>},
        {environment, staging},
        {environment, <<"http://127.0.0.1:2197">>},
        {environment, 1},
        {key_id, <<"short">>},
        {team_id, undefined},
        {transport, carrier_pigeon},
        {outcomes, some},
        {index_authorization, always},
        {queue_limit, 0},
        {queue_limit, -1},
        {queue_limit, 1.5},
        {queue_limit, 1 bsl 70},
        {connect_timeout, infinity}
    ],
    [begin
        Answer = apns_nif:start_app(<<"other">>, Good#{Option => Value}),
        ct:log("~tp", [Answer]),
        ?assertMatch({error, {bad_option, Option, <<_, _/binary>>}}, Answer)
    end || {Option, Value} <- Cases],
    {error, {bad_option, no_such_option, Sentence}} =
        apns_nif:start_app(<<"other">>, #{no_such_option => 1}),
    ?assertNotEqual(nomatch, string:find(Sentence, <<"key_file">>)),
    [?assertMatch({error, {bad_option, app, _}}, apns_nif:start_app(Name, Good))
     || Name <- [<<>>, <<255>>, binary:copy(<<"a">>, 100000)]].

an_unusable_file_is_named_with_what_to_do(Config) ->
    %% A file that is not there, cannot be read, or holds something else: the option that names it.
    Good = app_config(Config),
    Garbage = filename:join(proplists:get_value(priv_dir, Config), "garbage.pem"),
    ok = file:write_file(Garbage, "-----BEGIN PRIVATE KEY-----\nbm9uc2Vuc2U=\n"
                                  "-----END PRIVATE KEY-----\n"),
    Cases = [
        {key_file, <<"/nonexistent/AuthKey_ABC123DEFG.p8">>},
        {key_file, <<"/">>},
        {key_file, <<>>},
        {key_file, list_to_binary(Garbage)},
        {key_file, <<"a", 0, "b">>},
        {ca_file, <<"/nonexistent/ca.pem">>},
        {ca_file, list_to_binary(Garbage)}
    ],
    [begin
        Answer = apns_nif:start_app(<<"other">>, Good#{Option => Value}),
        ct:log("~tp", [Answer]),
        ?assertMatch({error, {bad_option, Option, <<_, _/binary>>}}, Answer)
    end || {Option, Value} <- Cases].

a_file_that_may_not_be_read_is_named_with_what_to_do(Config) ->
    %% Nothing is closed to root, so the VM that tries gives that privilege up.
    #{key_file := KeyFile} = Good = app_config(Config),
    Closed = filename:join(proplists:get_value(priv_dir, Config), "AuthKey_CLOSED.p8"),
    {ok, _} = file:copy(KeyFile, Closed),
    ok = file:change_mode(Closed, 8#000),
    Erl = filename:join([code:root_dir(), "bin", "erl"]),
    Exec = case string:trim(os:cmd("id -u")) of
        "0" -> {os:find_executable("setpriv"),
                ["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", Erl]};
        _ -> {Erl, []}
    end,
    {ok, Vm, _} = peer:start_link(#{connection => standard_io, exec => Exec,
                                    args => ["-pa", filename:dirname(code:which(apns_nif))]}),
    {error, {bad_option, key_file, Sentence}} = peer:call(
        Vm, apns_nif, start_app, [<<"other">>, Good#{key_file => list_to_binary(Closed)}]),
    ?assertNotEqual(nomatch, string:find(Sentence, Closed)),
    ?assertNotEqual(nomatch, string:find(Sentence, "the user that runs the server")),
    ok = peer:stop(Vm).

an_unusable_certificate_is_named_with_what_to_do(Config) ->
    %% Expired, for another topic, or no certificate at all.
    Simulator = proplists:get_value(simulator, Config),
    Good = apns_simulator:certificate_config(Simulator, <<"good">>),
    Cases = [
        {certificate_file, apns_simulator:certificate_config(Simulator, <<"expired">>)},
        {certificate_file, Good#{certificate_file => <<"/nonexistent/cert.pem">>}},
        {certificate_file, Good#{certificate_file => maps:get(ca_file, Good)}},
        {topic, Good#{topic => <<"com.example.other">>}}
    ],
    [begin
        Answer = apns_nif:start_app(<<"other">>, Wrong),
        ct:log("~tp", [Answer]),
        ?assertMatch({error, {bad_option, Option, <<_, _/binary>>}}, Answer)
    end || {Option, Wrong} <- Cases].

no_secret_is_told(Config) ->
    %% A password in a refused configuration is in no answer.
    Secret = <<"correct horse battery staple">>,
    Good = app_config(Config),
    Answers = [apns_nif:start_app(<<"other">>, Wrong#{password => Secret})
               || Wrong <- [Good, Good#{certificate_file => <<"/nonexistent">>},
                            Good#{queue_limit => 0}, #{no_such_option => 1}]]
        ++ [apns_nif:start_app(?APP, Good#{password => Secret})],
    [begin
        ?assertMatch({error, _}, Answer),
        ?assertEqual(nomatch, string:find(io_lib:format("~tp", [Answer]), Secret))
    end || Answer <- Answers].

a_device_that_is_none_is_refused(_Config) ->
    %% A token that is no token, or a wrong key of a device, is named.
    Owner = <<"bob@example.org">>,
    Good = <<"00ff">>,
    Cases = [
        {token, <<>>},
        {token, binary:copy(<<1>>, 101)},
        {token, binary:copy(<<"a">>, 202)},
        {token, <<"zz">>},
        {token, <<"abc">>},
        {token, <<"00fc 13ad">>},
        {token, <<(binary:copy(<<"a">>, 63))/binary, "g">>},
        {token, #{token => <<"zz">>}},
        {token, #{}},
        {token, #{kind => alert}},
        {token, #{token => <<>>}},
        {token, #{token => "00ff"}},
        {kind, #{token => Good, kind => fax}},
        {kind, #{token => Good, kind => 1}},
        {registered_at, #{token => Good, registered_at => -1}},
        {registered_at, #{token => Good, registered_at => now}},
        {colour, #{token => Good, colour => red}},
        {<<"token">>, #{<<"token">> => Good}}
    ],
    [begin
        Bad = {error, {bad_device, Field}},
        ?assertEqual(Bad, apns_nif:register_token(?APP, Owner, Device)),
        ?assertEqual(Bad, apns_nif:set_devices(?APP, Owner, [Good, Device]))
    end || {Field, Device} <- Cases],
    NoToken = {error, {bad_device, token}},
    [begin
        ?assertEqual(NoToken, apns_nif:unregister_token(?APP, Owner, Token)),
        ?assertEqual(NoToken, apns_nif:notify(?APP, {token, Token}, #{alert => <<"Hello">>}))
    end || Token <- [<<>>, <<"zz">>, <<"abc">>]],
    [?assertMatch({error, {bad_owner, _}}, apns_nif:register_token(?APP, BadOwner, Good))
     || BadOwner <- [<<>>, binary:copy(<<"a">>, 3072)]],
    %% None of it was half taken.
    ?assertEqual({error, unknown_owner}, apns_nif:notify(?APP, Owner, #{alert => <<"Hello">>})).

more_devices_than_an_owner_may_have_are_refused(_Config) ->
    %% A hundred devices are taken, one more is not, and a million are refused in no time.
    Owner = <<"bob@example.org">>,
    Devices = [<<N:256>> || N <- lists:seq(1, 101)],
    TooMany = {error, {too_many, devices_of_owner}},
    ok = apns_nif:set_devices(?APP, Owner, tl(Devices)),
    ?assertEqual(TooMany, apns_nif:register_token(?APP, Owner, hd(Devices))),
    ?assertEqual(TooMany, apns_nif:set_devices(?APP, Owner, Devices)),
    Million = lists:duplicate(1000000, <<1:256>>),
    Set = fun() -> apns_nif:set_devices(?APP, Owner, Million) end,
    ?assertEqual(TooMany, Set()),
    ?assert(microseconds(Set) < 5000).

a_wrong_field_of_a_notification_is_named(_Config) ->
    %% An unknown key, or a value that Apple would refuse or drop: the field's name.
    Cases = [
        {no_such_key, #{no_such_key => 1}},
        {<<"alert">>, #{<<"alert">> => <<"Hello">>}},
        {1, #{1 => 2}},
        {alert, #{}},
        {alert, #{alert => 1}},
        {alert, #{alert => <<255>>}},
        {alert, #{alert => #{}}},
        {title, #{alert => #{title => "Hello"}}},
        {colour, #{alert => #{colour => red}}},
        {body, #{body => <<255>>}},
        {title_loc_key, #{body => <<"a">>, title_loc_args => [<<"b">>]}},
        {loc_args, #{loc_key => <<"a">>, loc_args => <<"b">>}},
        {loc_args, #{loc_key => <<"a">>, loc_args => [<<"b">> | <<"c">>]}},
        {badge, hello(#{badge => -1})},
        {badge, hello(#{badge => 1 bsl 40})},
        {badge, hello(#{badge => 1.0})},
        {sound, hello(#{sound => 1})},
        {sound, hello(#{sound => #{critical => true}})},
        {sound, hello(#{sound => #{name => <<"a">>, volume => 1}})},
        {sound, hello(#{sound => #{name => <<"a">>, critical => true, volume => 2}})},
        {critical, hello(#{sound => #{name => <<"a">>, critical => yes}})},
        {mutable_content, hello(#{mutable_content => 2})},
        {interruption_level, hello(#{interruption_level => loud})},
        {relevance_score, hello(#{relevance_score => 2})},
        {relevance_score, hello(#{relevance_score => high})},
        {content_state, hello(#{content_state => #{}})},
        {custom, hello(#{custom => []})},
        {custom, hello(#{custom => #{aps => #{}}})},
        {push_type, hello(#{push_type => telegram})},
        {push_type, hello(#{push_type => <<"Alert">>})},
        {priority, hello(#{priority => 7})},
        {priority, hello(#{priority => urgent})},
        {priority, #{content_available => true, push_type => background, priority => 10}},
        {alert, #{alert => <<"a">>, content_available => true, push_type => background}},
        {expiration, hello(#{expiration => -1})},
        {expiration, hello(#{expiration => erlang:system_time(millisecond)})},
        {collapse_id, hello(#{collapse_id => <<>>})},
        {collapse_id, hello(#{collapse_id => binary:copy(<<"a">>, 65)})},
        {collapse_id, hello(#{collapse_id => <<"a\r\nb">>})},
        {apns_id, hello(#{apns_id => <<"123">>})},
        {reply_to, hello(#{reply_to => self()})}
    ],
    [?assertEqual(
        {Notification, {error, {bad_notification, Field}}},
        {Notification, apns_nif:notify(?APP, ?TARGET, Notification)})
     || {Field, Notification} <- Cases],
    OptsCases = [
        {no_such_option, 1}, {alert, <<"a">>}, {priority, 7}, {reply_to, me},
        {push_type, 1}, {collapse_id, 1}, {apns_id, self()}, {expiration, never}
    ],
    [?assertEqual(
        {error, {bad_notification, Field}},
        apns_nif:notify(?APP, ?TARGET, hello(#{}), #{Field => Value}))
     || {Field, Value} <- OptsCases].

a_field_given_twice_is_named(_Config) ->
    %% In options and notification, in the alert and beside it: no guess which one counts.
    Headers = #{
        push_type => alert, priority => 10, expiration => 0, collapse_id => <<"a">>,
        apns_id => <<"123e4567-e89b-12d3-a456-426655440000">>
    },
    [?assertEqual(
        {error, {bad_notification, Field}},
        apns_nif:notify(?APP, ?TARGET, hello(#{Field => Value}), #{Field => Value}))
     || {Field, Value} <- maps:to_list(Headers)],
    ?assertEqual(
        {error, {bad_notification, alert}},
        apns_nif:notify(?APP, ?TARGET, #{alert => <<"a">>, title => <<"b">>})),
    {error, {bad_notification, Field}} =
        apns_nif:notify(?APP, ?TARGET, #{alert => #{title => <<"a">>}, title => <<"b">>}),
    ?assert(lists:member(Field, [alert, title])).

a_value_that_has_no_form_in_json_is_refused(_Config) ->
    %% custom takes what JSON has: no pids, no tuples, no other atoms, no bytes, no endless depth.
    Deep = lists:foldl(fun(_, Inner) -> [Inner] end, 1, lists:seq(1, 1000)),
    Values = [
        self(), make_ref(), {a, b}, fun() -> ok end, undefined, <<255>>, <<1:1>>, 1 bsl 64,
        -1 bsl 63 - 1, [1 | 2], "text" ++ <<"tail">>, Deep, #{1 => 2}, #{{} => 1},
        #{a => 1, <<"a">> => 2}
    ],
    [?assertEqual(
        {Value, {error, {bad_notification, custom}}},
        {Value, apns_nif:notify(?APP, ?TARGET, hello(#{custom => #{key => Value}}))})
     || Value <- Values].

json_that_is_none_is_refused(_Config) ->
    %% Finished JSON must be one JSON object in UTF-8.
    Texts = [
        <<>>, <<" ">>, <<"[]">>, <<"1">>, <<"{">>, <<"{}{}">>, <<"{\"a\":}">>,
        <<"{\"a\":\"\\x\"}">>,
        <<"{\"a\":\"", 255, "\"}">>, <<"{\"a\":\"\\ud800\"}">>, <<"{\"a\":01}">>, <<"nil">>
    ],
    [?assertEqual(
        {Text, {error, {bad_notification, payload}}},
        {Text, apns_nif:notify(?APP, ?TARGET, Text)})
     || Text <- Texts].

too_large_a_payload_is_told_in_bytes(_Config) ->
    %% 4096 bytes pass, 5120 for calls; one more is refused with both numbers.
    Json = fun(Bytes) -> <<"{\"a\":\"", (binary:copy(<<"x">>, Bytes - 8))/binary, "\"}">> end,
    Voip = #{push_type => voip, priority => 10},
    ?assertMatch({ok, [_]}, apns_nif:notify(?APP, ?TARGET, Json(4096))),
    ?assertMatch({ok, [_]}, apns_nif:notify(?APP, ?TARGET, Json(5120), Voip)),
    ?assertEqual(
        {error, {payload_too_large, 4097, 4096}}, apns_nif:notify(?APP, ?TARGET, Json(4097))),
    ?assertEqual(
        {error, {payload_too_large, 5121, 5120}},
        apns_nif:notify(?APP, ?TARGET, Json(5121), Voip)),
    %% {"aps":{"alert":"..."}} has 20 bytes around the text.
    Alert = fun(Bytes) -> #{alert => binary:copy(<<"x">>, Bytes - 20)} end,
    ?assertMatch({ok, [_]}, apns_nif:notify(?APP, ?TARGET, Alert(4096))),
    ?assertEqual(
        {error, {payload_too_large, 4097, 4096}}, apns_nif:notify(?APP, ?TARGET, Alert(4097))).

a_huge_value_is_refused_in_no_time(_Config) ->
    %% A hundred megabytes are not looked at: the scheduler is needed by others.
    Huge = binary:copy(<<"x">>, 100000000),
    Many = lists:duplicate(1000000, 1),
    Notifications = [
        Huge, #{alert => Huge}, hello(#{custom => #{a => Huge}}), hello(#{custom => #{Huge => a}}),
        hello(#{custom => #{a => Many}}),
        #{loc_key => <<"a">>, loc_args => lists:duplicate(1000000, <<"a">>)}
    ],
    [begin
        Notify = fun() -> apns_nif:notify(?APP, ?TARGET, Notification) end,
        ?assertMatch({error, {payload_too_large, _, 4096}}, Notify()),
        ?assert(microseconds(Notify) < 5000)
    end || Notification <- Notifications].

a_wrong_type_of_argument_is_badarg(_Config) ->
    %% What no specification allows is a programming error, and raises badarg.
    Owner = <<"bob@example.org">>,
    Calls = [
        {start_app, [app, #{}]}, {start_app, ["app", #{}]}, {start_app, [?APP, []]},
        {stop_app, [app, 0]}, {stop_app, [?APP, -1]}, {stop_app, [?APP, infinity]},
        {set_event_receiver, [app, self()]}, {set_event_receiver, [?APP, me]},
        {stats, [app]}, {stats, [<<1:1>>]},
        {register_token, [app, Owner, <<"00">>]}, {register_token, [?APP, bob, <<"00">>]},
        {register_token, [?APP, Owner, "00"]}, {register_token, [?APP, Owner, {}]},
        {unregister_token, [?APP, bob, <<"00">>]}, {unregister_token, [?APP, Owner, #{}]},
        {set_devices, [?APP, bob, []]}, {set_devices, [?APP, Owner, <<"00">>]},
        {set_devices, [?APP, Owner, [<<"00">> | <<"11">>]]}, {set_devices, [?APP, Owner, [a]]},
        {forget_owner, [?APP, bob]}, {forget_owners, [app]},
        {count_devices, [?APP, bob]}, {count_devices, [app, Owner]},
        {notify, [app, Owner, #{}]}, {notify, [?APP, bob, hello(#{})]},
        {notify, [?APP, {owner, Owner}, hello(#{})]}, {notify, [?APP, {token}, hello(#{})]},
        {notify, [?APP, {token, "00"}, hello(#{})]}, {notify, [?APP, ?TARGET, []]},
        {notify, [?APP, ?TARGET, hello]}, {notify, [?APP, ?TARGET, hello(#{}), []]}
    ],
    [?assertEqual({Call, badarg}, {Call, raised(Call)}) || Call <- Calls].

any_term_into_any_function_returns_or_raises_badarg(_Config) ->
    %% A property: the VM lives, and no other exception comes out.
    Options = [quiet, long_result, {numtests, 5000}],
    ?assertEqual(true, proper:quickcheck(prop_apns_nif:any_call(), Options)).

%%% What the cases share

hello(More) ->
    More#{alert => <<"Hello">>}.

%% The fastest of some calls: the others tell how busy the machine is.
microseconds(Call) ->
    lists:min([element(1, timer:tc(Call)) || _ <- lists:seq(1, 5)]).

raised({Function, Arguments}) ->
    try apply(apns_nif, Function, Arguments) of
        Result -> {returned, Result}
    catch
        error:Reason -> Reason
    end.

app_config(Config) ->
    proplists:get_value(app_config, Config).
