%% @doc What a notification can say, and what it must not say.
-module(apns_nif_notification_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    every_key_of_aps_arrives_in_apples_words/1,
    each_push_type_has_its_topic_and_usual_headers/1,
    a_live_activity_starts_is_updated_and_ends/1,
    the_alert_of_a_live_activity_is_written_for_activitykit/1,
    what_a_push_type_needs_is_named/1,
    what_a_push_type_may_not_have_is_named/1,
    headers_that_a_push_type_may_not_have_are_named/1,
    a_service_update_of_push_to_talk_may_wait/1,
    a_certificate_is_not_enough_for_some_push_types/1,
    the_sandbox_tells_its_unique_id/1,
    production_tells_no_unique_id/1
]).

-define(APP, <<"im.example.chat">>).
-define(TARGET, {token, <<"00ff">>}).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [
        every_key_of_aps_arrives_in_apples_words,
        each_push_type_has_its_topic_and_usual_headers,
        a_live_activity_starts_is_updated_and_ends,
        the_alert_of_a_live_activity_is_written_for_activitykit,
        what_a_push_type_needs_is_named,
        what_a_push_type_may_not_have_is_named,
        headers_that_a_push_type_may_not_have_are_named,
        a_service_update_of_push_to_talk_may_wait,
        a_certificate_is_not_enough_for_some_push_types,
        the_sandbox_tells_its_unique_id,
        production_tells_no_unique_id
    ].

init_per_testcase(production_tells_no_unique_id, Config) ->
    start(apns_simulator:start(["--environment", "production"]), Config);
init_per_testcase(_Case, Config) ->
    start(apns_simulator:start(), Config).

start(Simulator, Config) ->
    AppConfig = (apns_simulator:config(Simulator))#{outcomes => all},
    ok = apns_nif:start_app(?APP, AppConfig),
    [{simulator, Simulator} | Config].

end_per_testcase(_Case, _Config) ->
    ok = apns_nif:stop_app(?APP, 0).

%%% What it can say

every_key_of_aps_arrives_in_apples_words(Config) ->
    %% Each key of a notification has its place, in the alert, in aps or beside it.
    Alert = #{
        title => <<"t">>, subtitle => <<"s">>, body => <<"b">>,
        title_loc_key => <<"TK">>, title_loc_args => [<<"1">>],
        subtitle_loc_key => <<"SK">>, subtitle_loc_args => [<<"2">>, <<"3">>],
        loc_key => <<"LK">>, loc_args => [<<"4">>],
        launch_image => <<"li">>, action_loc_key => <<"AK">>, action => <<"a">>
    },
    Aps = #{
        badge => 0,
        sound => #{name => <<"siren.caf">>, critical => true},
        thread_id => <<"th">>, category => <<"c">>, target_content_id => <<"tc">>,
        filter_criteria => <<"fc">>, content_available => true, mutable_content => 1,
        interruption_level => critical, relevance_score => 0.5, url_args => [<<"u">>]
    },
    Custom = #{from => <<"alice@example.org">>},
    sent(Aps#{alert => Alert, custom => Custom}),
    sent(maps:merge(Alert, Aps#{custom => Custom})),
    Expected = #{
        <<"aps">> => #{
            <<"alert">> => #{
                <<"title">> => <<"t">>, <<"subtitle">> => <<"s">>, <<"body">> => <<"b">>,
                <<"title-loc-key">> => <<"TK">>, <<"title-loc-args">> => [<<"1">>],
                <<"subtitle-loc-key">> => <<"SK">>,
                <<"subtitle-loc-args">> => [<<"2">>, <<"3">>],
                <<"loc-key">> => <<"LK">>, <<"loc-args">> => [<<"4">>],
                <<"launch-image">> => <<"li">>, <<"action-loc-key">> => <<"AK">>,
                <<"action">> => <<"a">>
            },
            <<"badge">> => 0,
            <<"sound">> => #{
                <<"critical">> => 1, <<"name">> => <<"siren.caf">>, <<"volume">> => 1.0
            },
            <<"thread-id">> => <<"th">>, <<"category">> => <<"c">>,
            <<"target-content-id">> => <<"tc">>, <<"filter-criteria">> => <<"fc">>,
            <<"content-available">> => 1, <<"mutable-content">> => 1,
            <<"interruption-level">> => <<"critical">>, <<"relevance-score">> => 0.5,
            <<"url-args">> => [<<"u">>]
        },
        <<"from">> => <<"alice@example.org">>
    },
    ?assertEqual([Expected, Expected], payloads(Config, 2)).

each_push_type_has_its_topic_and_usual_headers(Config) ->
    %% The topic's suffix, the priority and the expiration follow from the push type.
    Cases = [
        {alert, <<"">>, <<"10">>, #{badge => 1}},
        {background, <<"">>, <<"5">>, #{content_available => true}},
        {voip, <<".voip">>, <<"10">>, #{}},
        {complication, <<".complication">>, <<"10">>, #{}},
        {fileprovider, <<".pushkit.fileprovider">>, <<"10">>,
            #{custom => #{'container-identifier' => <<"c">>, domain => <<"d">>}}},
        {location, <<".location-query">>, <<"10">>, #{}},
        {pushtotalk, <<".voip-ptt">>, <<"10">>, #{custom => #{speaker => <<"alice">>}}},
        {liveactivity, <<".push-type.liveactivity">>, <<"10">>, live(update)},
        {widgets, <<".push-type.widgets">>, <<"10">>, #{content_changed => true}},
        {controls, <<".push-type.controls">>, <<"10">>, #{content_changed => true}},
        {mdm, <<"">>, <<"10">>, #{custom => #{mdm => <<"magic">>}}}
    ],
    [sent(Notification, #{push_type => PushType}) || {PushType, _, _, Notification} <- Cases],
    Requests = apns_simulator:journal(simulator(Config), length(Cases)),
    [begin
        Type = atom_to_binary(PushType),
        [Headers] = [Headers || #{<<"headers">> := #{<<"apns-push-type">> := T} = Headers}
                                    <- Requests, T =:= Type],
        Expiration = case PushType of pushtotalk -> <<"0">>; _ -> none end,
        ?assertEqual(
            {Type, <<?APP/binary, Suffix/binary>>, Priority, Expiration},
            {Type, maps:get(<<"apns-topic">>, Headers), maps:get(<<"apns-priority">>, Headers),
             maps:get(<<"apns-expiration">>, Headers, none)})
    end || {PushType, Suffix, Priority, _} <- Cases],
    Payloads = [Payload || #{<<"payload">> := Payload} <- Requests],
    [?assert(lists:member(Expected, Payloads))
     || Expected <- [
            #{<<"container-identifier">> => <<"c">>, <<"domain">> => <<"d">>},
            #{<<"mdm">> => <<"magic">>},
            #{<<"aps">> => #{<<"content-changed">> => true}}
        ]].

a_live_activity_starts_is_updated_and_ends(Config) ->
    %% All keys of Live Activities, flags and dates as Apple wants them.
    Type = #{push_type => liveactivity},
    sent((start())#{stale_date => 1764000100, input_push_token => true}, Type),
    sent((start())#{input_push_channel => <<"dHN0">>}, Type),
    sent((live(update))#{relevance_score => 75}, Type),
    sent(#{event => 'end', timestamp => 1764000200, dismissal_date => 1764000300}, Type),
    [First, OnChannel, Update, End] = [Aps || #{<<"aps">> := Aps} <- payloads(Config, 4)],
    ?assertEqual(
        #{
            <<"event">> => <<"start">>, <<"timestamp">> => 1764000000,
            <<"content-state">> => #{<<"score">> => 3},
            <<"attributes-type">> => <<"Game">>, <<"attributes">> => #{<<"id">> => 7},
            <<"alert">> => #{<<"title">> => <<"It starts">>},
            <<"stale-date">> => 1764000100, <<"input-push-token">> => 1
        },
        First),
    ?assertMatch(#{<<"input-push-channel">> := <<"dHN0">>}, OnChannel),
    ?assertEqual(
        #{
            <<"event">> => <<"update">>, <<"timestamp">> => 1764000000,
            <<"content-state">> => #{<<"score">> => 3}, <<"relevance-score">> => 75.0
        },
        Update),
    ?assertEqual(
        #{
            <<"event">> => <<"end">>, <<"timestamp">> => 1764000200,
            <<"dismissal-date">> => 1764000300
        },
        End).

the_alert_of_a_live_activity_is_written_for_activitykit(Config) ->
    %% The sound stands inside the alert, and translations in the place of the texts.
    Update = (live(update))#{push_type => liveactivity, sound => <<"HeroDown.mp4">>},
    sent(Update#{
        title_loc_key => <<"%@ is down">>, title_loc_args => [<<"Panda">>], body => <<"Help!">>
    }),
    sent(Update#{alert => <<"Help!">>}),
    [Translated, Text] = payloads(Config, 2),
    ?assertMatch(#{<<"aps">> := #{<<"alert">> := #{
        <<"title">> := #{<<"loc-key">> := <<"%@ is down">>, <<"loc-args">> := [<<"Panda">>]},
        <<"body">> := <<"Help!">>, <<"sound">> := <<"HeroDown.mp4">>
    }}}, Translated),
    #{<<"aps">> := Aps} = Text,
    ?assertEqual(
        #{<<"body">> => <<"Help!">>, <<"sound">> => <<"HeroDown.mp4">>},
        maps:get(<<"alert">>, Aps)),
    ?assertNot(is_map_key(<<"sound">>, Aps)).

%%% What it must not say

what_a_push_type_needs_is_named(_Config) ->
    %% Nothing is sent that would do nothing.
    Without = fun(Key) -> (maps:remove(Key, start()))#{push_type => liveactivity} end,
    refused([
        {alert, #{}},
        {alert, #{content_available => true}},
        {alert, #{badge => 1, mutable_content => true}},
        {content_available, #{push_type => background}},
        {content_changed, #{push_type => widgets}},
        {custom, #{push_type => mdm}},
        {loc_key, #{body => <<"a">>, loc_args => [<<"b">>]}},
        {subtitle_loc_key, #{body => <<"a">>, subtitle_loc_args => [<<"b">>]}},
        {content_state, maps:remove(content_state, (live(update))#{push_type => liveactivity})}
        | [{Key, Without(Key)}
           || Key <- [event, timestamp, content_state, attributes_type, attributes]]
    ]),
    refused([{alert, (maps:remove(title, start()))#{push_type => liveactivity}}]).

what_a_push_type_may_not_have_is_named(_Config) ->
    %% What nobody would see, hear or read where it is sent.
    Silent = #{push_type => background, content_available => true},
    Widgets = #{push_type => widgets, content_changed => true},
    Start = (start())#{push_type => liveactivity},
    refused(
        [{Key, Push#{Key => Value}}
         || Push <- [Silent, Widgets],
            {Key, Value} <- [{alert, <<"a">>}, {badge, 1}, {sound, <<"default">>}]]
        ++ [{Key, #{alert => <<"a">>, Key => Value}}
            || {Key, Value} <- [
                {event, update}, {timestamp, 1}, {stale_date, 1}, {dismissal_date, 1},
                {content_state, #{}}, {attributes, #{}}, {attributes_type, <<"Game">>},
                {input_push_token, true}, {input_push_channel, <<"dHN0">>},
                {content_changed, true}, {ptt_push_type, service_update}
            ]]
        ++ [
            {badge, #{push_type => mdm, custom => #{mdm => <<"magic">>}, badge => 1}},
            {alert, #{push_type => controls, alert => <<"a">>}},
            {sound, Start#{sound => #{name => <<"a">>, critical => true}}},
            {title, Start#{title_loc_key => <<"TK">>}},
            {body, Start#{body => <<"a">>, loc_key => <<"LK">>}},
            {input_push_channel,
                Start#{input_push_token => true, input_push_channel => <<"dHN0">>}},
            {event, (live(pause))#{push_type => liveactivity}},
            {ptt_push_type, #{push_type => pushtotalk, ptt_push_type => speech}},
            {relevance_score, #{alert => <<"a">>, relevance_score => 1.01}},
            {relevance_score, #{alert => <<"a">>, relevance_score => -0.01}}
        ]).

headers_that_a_push_type_may_not_have_are_named(_Config) ->
    %% The same for a map and for finished JSON, as far as the JSON does not matter.
    Silent = #{content_available => true},
    Cases = [
        {background, 10, Silent}, {background, 1, Silent}, {location, 1, #{}},
        {liveactivity, low, live(update)}
    ],
    [begin
        Opts = #{push_type => PushType, priority => Priority},
        Error = {error, {bad_notification, priority}},
        ?assertEqual(Error, apns_nif:notify(?APP, ?TARGET, Notification, Opts)),
        ?assertEqual(Error, apns_nif:notify(?APP, ?TARGET, <<"{\"aps\":{}}">>, Opts))
    end || {PushType, Priority, Notification} <- Cases],
    refused([
        {priority, #{push_type => pushtotalk, priority => 5}},
        {expiration, #{push_type => pushtotalk, expiration => 2000000000}}
    ]).

a_service_update_of_push_to_talk_may_wait(Config) ->
    %% It is no speech: any priority, any expiration.
    sent(#{ptt_push_type => service_update},
        #{push_type => pushtotalk, priority => 5, expiration => 2000000000}),
    [#{<<"payload">> := Payload, <<"headers">> := Headers}] =
        apns_simulator:journal(simulator(Config), 1),
    ?assertEqual(#{<<"aps">> => #{<<"ptt-push-type">> => <<"service-update">>}}, Payload),
    ?assertMatch(
        #{<<"apns-priority">> := <<"5">>, <<"apns-expiration">> := <<"2000000000">>}, Headers).

a_certificate_is_not_enough_for_some_push_types(Config) ->
    %% Apple takes locations and Live Activities with a provider token only.
    ok = apns_nif:stop_app(?APP, 0),
    Certificate = apns_simulator:certificate_config(simulator(Config), <<"good">>),
    ok = apns_nif:start_app(?APP, Certificate#{outcomes => all}),
    refused([
        {push_type, #{push_type => location}},
        {push_type, (live(update))#{push_type => liveactivity}}
    ]),
    sent(#{push_type => voip}).

%%% What Apple answers

the_sandbox_tells_its_unique_id(_Config) ->
    %% apns-unique-id is in the event, to look the push up in Apple's console.
    {ok, [Id]} = apns_nif:notify(?APP, ?TARGET, #{alert => <<"Hello">>}),
    #{event := accepted, apns_id := Id, unique_id := UniqueId} = apns_events:outcome(?APP),
    ?assertEqual(36, byte_size(UniqueId)),
    ?assertNotEqual(Id, UniqueId).

production_tells_no_unique_id(_Config) ->
    %% What Apple does not send has no key.
    {ok, [_]} = apns_nif:notify(?APP, ?TARGET, #{alert => <<"Hello">>}),
    #{event := accepted} = Accepted = apns_events:outcome(?APP),
    ?assertNot(is_map_key(unique_id, Accepted)).

%%% What the cases share

sent(Notification) ->
    sent(Notification, #{}).

sent(Notification, Opts) ->
    {ok, [_]} = apns_nif:notify(?APP, ?TARGET, Notification, Opts),
    ?assertMatch(#{event := accepted}, apns_events:outcome(?APP)).

refused(Cases) ->
    [?assertEqual(
        {Notification, {error, {bad_notification, Field}}},
        {Notification, apns_nif:notify(?APP, ?TARGET, Notification)})
     || {Field, Notification} <- Cases].

live(Event) ->
    #{event => Event, timestamp => 1764000000, content_state => #{score => 3}}.

start() ->
    (live(start))#{
        attributes_type => <<"Game">>, attributes => #{id => 7}, title => <<"It starts">>
    }.

payloads(Config, Count) ->
    [Payload || #{<<"payload">> := Payload} <- apns_simulator:journal(simulator(Config), Count)].

simulator(Config) ->
    proplists:get_value(simulator, Config).
