%% @doc How a notification is cut so that it fits into Apple's limit.
-module(apns_nif_truncate_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    a_body_is_cut_to_the_limit_and_nothing_else/1,
    what_fits_is_not_cut/1,
    a_body_of_any_size_is_cut_in_no_time/1,
    what_is_too_large_without_its_body_is_refused/1,
    finished_json_is_never_cut/1,
    truncate_takes_one_word_and_once/1
]).

-define(APP, <<"im.example.chat">>).
-define(TARGET, {token, <<"00ff">>}).
-define(ELLIPSIS, "…"/utf8).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [
        a_body_is_cut_to_the_limit_and_nothing_else,
        what_fits_is_not_cut,
        a_body_of_any_size_is_cut_in_no_time,
        what_is_too_large_without_its_body_is_refused,
        finished_json_is_never_cut,
        truncate_takes_one_word_and_once
    ].

init_per_testcase(_Case, Config) ->
    Simulator = apns_simulator:start(),
    ok = apns_nif:start_app(?APP, (apns_simulator:config(Simulator))#{outcomes => all}),
    [{simulator, Simulator} | Config].

end_per_testcase(_Case, _Config) ->
    ok = apns_nif:stop_app(?APP, 0).

a_body_is_cut_to_the_limit_and_nothing_else(Config) ->
    %% As much of it as fits, whole characters, escapes counted, an ellipsis behind.
    Custom = #{<<"id">> => binary:copy(<<"i">>, 500)},
    Rest = #{title => <<"Alice">>, custom => Custom},
    Bodies = [
        binary:copy(<<"x">>, 5000),
        binary:copy(<<"\n">>, 5000),
        binary:copy(<<0>>, 5000),
        binary:copy(<<"💬"/utf8>>, 2000),
        iolist_to_binary(lists:duplicate(700, <<"ä\"\\ 💬"/utf8>>))
    ],
    [begin
        sent(Rest#{body => Body}, #{truncate => body}),
        sent(Rest#{body => Body, push_type => voip}, #{truncate => <<"body">>}),
        sent(#{alert => Body, custom => Custom, truncate => body})
    end || Body <- Bodies],
    Requests = apns_simulator:journal(simulator(Config), 3 * length(Bodies)),
    [begin
        #{<<"payload">> := #{<<"aps">> := #{<<"alert">> := Alert}} = Payload} = Request,
        ?assertEqual(Custom, maps:remove(<<"aps">>, Payload)),
        Cut = case Alert of
            #{<<"title">> := Title, <<"body">> := Part} ->
                ?assertEqual(<<"Alice">>, Title),
                Part;
            Part ->
                Part
        end,
        Kept = binary:part(Cut, 0, byte_size(Cut) - 3),
        ?assertEqual(<<Kept/binary, ?ELLIPSIS>>, Cut),
        ?assert(lists:any(fun(Body) -> binary:longest_common_prefix([Kept, Body]) =:=
                                           byte_size(Kept) end, Bodies)),
        %% The next character would have been too much: the longest takes six bytes.
        Size = iolist_size(jiffy:encode(Payload)),
        Limit = case Request of
            #{<<"headers">> := #{<<"apns-push-type">> := <<"voip">>}} -> 5120;
            _ -> 4096
        end,
        ?assert(Size =< Limit andalso Size > Limit - 6, {Size, Limit})
    end || Request <- Requests].

what_fits_is_not_cut(Config) ->
    %% To the byte: 20 of them stand around an alert that is a text.
    Fits = binary:copy(<<"x">>, 4096 - 20),
    sent(#{alert => Fits, truncate => body}),
    sent(#{alert => <<Fits/binary, "x">>, truncate => body}),
    [Whole, Cut] = [Alert || #{<<"aps">> := #{<<"alert">> := Alert}} <- payloads(Config, 2)],
    ?assertEqual(Fits, Whole),
    ?assertEqual(<<(binary:part(Fits, 0, byte_size(Fits) - 3))/binary, ?ELLIPSIS>>, Cut).

a_body_of_any_size_is_cut_in_no_time(Config) ->
    %% A hundred megabytes are not looked at, wherever the body stands and truncate is said.
    Huge = binary:copy(<<"💬"/utf8>>, 25000000),
    Cases = [
        {#{body => Huge}, #{truncate => body}},
        {#{alert => #{body => Huge}}, #{truncate => body}},
        {#{alert => Huge, truncate => body}, #{}}
    ],
    [begin
        Notify = fun() -> {ok, [_]} = apns_nif:notify(?APP, ?TARGET, Notification, Opts) end,
        Microseconds = lists:min([element(1, timer:tc(Notify)) || _ <- lists:seq(1, 5)]),
        ?assert(Microseconds < 5000, Microseconds)
    end || {Notification, Opts} <- Cases],
    [begin
        #{<<"aps">> := #{<<"alert">> := Alert}} = Payload,
        Body = case Alert of #{<<"body">> := B} -> B; B -> B end,
        ?assert(byte_size(Body) > 4000),
        ?assertEqual(<<"💬…"/utf8>>, binary:part(Body, byte_size(Body), -7))
    end || Payload <- payloads(Config, 15)],
    %% Not text, and too large without truncate.
    NoText = #{body => binary:copy(<<255>>, 20000)},
    ?assertEqual(
        {error, {bad_notification, body}},
        apns_nif:notify(?APP, ?TARGET, NoText, #{truncate => body})),
    ?assertMatch(
        {error, {payload_too_large, _, 4096}},
        apns_nif:notify(?APP, ?TARGET, #{body => binary:copy(<<"x">>, 20000)})).

what_is_too_large_without_its_body_is_refused(_Config) ->
    %% With the size of the whole, as without truncate.
    Large = binary:copy(<<"x">>, 5000),
    Cases = [
        #{title => Large, body => <<"a">>},
        #{body => <<"a">>, custom => #{a => Large}},
        #{loc_key => <<"LK">>, loc_args => [Large]},
        #{badge => 1, custom => #{a => Large}}
    ],
    [begin
        {error, {payload_too_large, _, 4096}} = Error =
            apns_nif:notify(?APP, ?TARGET, Notification),
        ?assertEqual(Error, apns_nif:notify(?APP, ?TARGET, Notification, #{truncate => body}))
    end || Notification <- Cases].

finished_json_is_never_cut(_Config) ->
    %% It is sent byte for byte, whatever its size; so truncate has no meaning there.
    Json = fun(Text) -> <<"{\"aps\":{\"alert\":\"", Text/binary, "\"}}">> end,
    Large = binary:copy(<<"x">>, 5000),
    [?assertEqual(
        {error, {bad_notification, truncate}},
        apns_nif:notify(?APP, ?TARGET, Json(Text), #{truncate => body}))
     || Text <- [<<"short">>, Large]],
    ?assertMatch(
        {error, {payload_too_large, _, 4096}}, apns_nif:notify(?APP, ?TARGET, Json(Large))).

truncate_takes_one_word_and_once(_Config) ->
    %% Any other word is an error, and so is the word in both places.
    Refused = {error, {bad_notification, truncate}},
    Hello = #{alert => <<"a">>},
    [begin
        Opts = #{truncate => Value},
        ?assertEqual(Refused, apns_nif:notify(?APP, ?TARGET, Hello, Opts)),
        ?assertEqual(Refused, apns_nif:notify(?APP, ?TARGET, maps:merge(Hello, Opts)))
    end || Value <- [title, true, none, <<"Body">>, 1, [], self()]],
    Twice = #{truncate => body},
    ?assertEqual(Refused, apns_nif:notify(?APP, ?TARGET, maps:merge(Hello, Twice), Twice)).

%%% What the cases share

sent(Notification) ->
    sent(Notification, #{}).

sent(Notification, Opts) ->
    {ok, [_]} = apns_nif:notify(?APP, ?TARGET, Notification, Opts),
    ?assertMatch(#{event := accepted}, apns_events:outcome(?APP)).

payloads(Config, Count) ->
    [Payload || #{<<"payload">> := Payload} <- apns_simulator:journal(simulator(Config), Count)].

simulator(Config) ->
    proplists:get_value(simulator, Config).
