%% What administrators may write, what they are told otherwise, and what they read.
-module(push_command_values_tests).

-include_lib("eunit/include/eunit.hrl").

-define(TOKEN, <<"00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0">>).
-define(BASE64, <<"APwTrf94USK0rSiAmjQgmCNBJBQhNICXh45XfJkd6PA=">>).

-define(RUNNING, [<<"example.org">>, <<"example.net">>]).

%% Names of users and vhosts are prepared by native code.
with_stringprep(Tests) ->
    {setup, fun stringprep:load_nif/0, Tests}.

arguments_are_read_test_() ->
    Rows =
        [{"a user in any case", user, [<<"Bob">>], <<"bob">>},
         {"a vhost in any case", vhost, [<<"EXAMPLE.org">>, ?RUNNING], <<"example.org">>},
         {"no options", options, [<<>>], #{}},
         {"blanks are none either", options, [<<" , ,">>], #{}},
         {"options with blanks around them", options,
          [<<"kind=voip , device_name = Bob's = phone">>],
          #{<<"kind">> => [<<"voip">>], <<"device_name">> => [<<"Bob's = phone">>]}},
         {"an empty value says nothing", options, [<<"kind=">>], #{<<"kind">> => [<<>>]}},
         {"no resource", resource, [#{}], <<>>},
         {"a resource", resource, [#{<<"resource">> => [<<"phone">>]}], <<"phone">>},
         {"no days", days, [<<"0">>], 0},
         {"some days", days, [<<"365">>], 365},
         {"a service", service, [<<"Push.Example.org">>], <<"push.example.org">>},
         {"a text", text, [<<"Grüße"/utf8>>], <<"Grüße"/utf8>>},
         {"a text as long as may be", text, [long(1000)], long(1000)},
         {"a device's name", wanted, [<<"d-1F">>],
          [{node, <<"d-1F">>}, {device_id, <<"d-1F">>}]},
         {"a token in hex", wanted, [<<"00FC">>],
          [{node, <<"00FC">>}, {device_id, <<"00FC">>}, {token, <<"00fc">>}]},
         {"a token in base64", wanted, [?BASE64],
          [{node, ?BASE64}, {device_id, ?BASE64}, {token, ?TOKEN}]},
         {"a word is no token", wanted, [<<"APwT">>],
          [{node, <<"APwT">>}, {device_id, <<"APwT">>}]}],
    with_stringprep(
        [{Name, ?_assertEqual({ok, Value}, apply(push_command_values, Function, Args))}
         || {Name, Function, Args, Value} <- Rows]).

%% {name, function, arguments, a part of the sentence}
what_cannot_be_is_refused_with_a_sentence_test_() ->
    Bad = [<<>>, <<255, 254>>, 17, {error, <<>>, <<255>>}, long(100000)],
    Rows =
        [{"no user", user, [User], <<"before the @">>} || User <- [<<"a b">>, <<"a@b">> | Bad]] ++
        [{"no vhost", vhost, [Host, ?RUNNING], <<"runs on example.net, example.org">>}
         || Host <- [<<"example.com">>, <<"a b">> | Bad]] ++
        [{"no vhost anywhere", vhost, [<<"example.org">>, []], <<"on no vhost">>},
         {"not name=value", options, [<<"voip">>], <<"name=value">>},
         {"an option that there is not", options, [<<"color=red">>], <<"possible are kind,">>},
         {"a token is no option", options, [<<"token=00">>], <<"possible are kind,">>},
         {"an option twice", options, [<<"kind=voip,kind=alert">>], <<"twice: kind">>},
         {"options that are too long", options, [long(1025)], <<"1024 bytes">>},
         {"options that are no text", options, [<<"kind=", 255>>], <<"UTF-8">>},
         {"options that are no binary", options, [[]], <<"UTF-8">>},
         {"a resource that cannot be", resource, [#{<<"resource">> => [long(2000)]}],
          <<"none that a session can have">>},
         {"logout of no session", resource, [#{<<"remove_on_logout">> => [<<"true">>]}],
          <<"whose logout">>},
         {"an empty text", text, [<<>>], <<"empty">>},
         {"a text that is too long", text, [long(1001)], <<"1000 bytes">>},
         {"a text that is none", text, [<<255>>], <<"UTF-8">>},
         {"a text that is no binary", text, [17], <<"UTF-8">>}] ++
        [{"no days", days, [Days], <<"0 (all devices) to 3650">>}
         || Days <- [<<"-1">>, <<"3651">>, <<"1.5">>, <<"all">>, <<"1 year">> | Bad]] ++
        [{"no service", service, [Service], <<"no domain">>} || Service <- Bad] ++
        [{"no device", wanted, [Device], <<"device">>} || Device <- [<<" ">> | Bad]],
    with_stringprep([{Name, fun() ->
        {error, Sentence} = apply(push_command_values, Function, Args),
        ?assertNotEqual(nomatch, binary:match(Sentence, Part)),
        ?assert(byte_size(Sentence) < 300)
     end} || {Name, Function, Args, Part} <- Rows]).

many_vhosts_are_not_all_named_test_() ->
    with_stringprep(fun many_vhosts_are_not_all_named/0).

many_vhosts_are_not_all_named() ->
    Running = [<<"h", (integer_to_binary(N))/binary>> || N <- lists:seq(1, 1000)],
    {error, Sentence} = push_command_values:vhost(<<"example.org">>, Running),
    ?assertNotEqual(nomatch, binary:match(Sentence, <<"h1, h10, ">>)),
    ?assertNotEqual(nomatch, binary:match(Sentence, <<" and 990 more">>)).

a_device_is_a_row_test() ->
    ?assertEqual({<<"d-1">>, <<"a">>, <<"production">>, <<"voip">>, <<"00112233...">>,
                  <<"sender">>, <<"de">>, <<"phone">>, <<"false">>, <<"2023-11-14T22:13:20Z">>,
                  <<"id">>, <<"Bob's">>, <<"paused">>, <<"2023-11-14T22:13:20Z">>, <<>>},
                 push_command_values:device_row(device(), <<"d-1">>, settings(), paused)).

a_row_tells_the_last_use_and_the_last_error_test() ->
    Device = (device())#{last_used => 1700100000000,
                         last_error => {1700050000000, <<"Bad\nTopic">>}},
    Row = push_command_values:device_row(Device, <<"d-1">>, settings(), paused),
    ?assertEqual([<<"2023-11-16T02:00:00Z">>, <<"2023-11-15T12:06:40Z Bad Topic">>],
                 [element(N, Row) || N <- [14, 15]]).

a_removal_is_a_row_test() ->
    ?assertEqual({<<"d-1">>, <<"a">>, <<"voip">>, <<"00112233...">>, <<"id">>, <<"Bob's x">>,
                  <<"2023-11-14T22:13:20Z">>, <<"Gone away">>},
                 push_command_values:removal_row(
                   #{node => <<"d-1">>, app => <<"a">>, kind => voip, token => <<"00112233...">>,
                     device_id => <<"id">>, name => <<"Bob's\tx">>, removed_at => 1700000000000,
                     why => <<"Gone\naway">>})).

the_stricter_content_is_shown_test_() ->
    Row = fun(Wish, Content) ->
        element(6, push_command_values:device_row((device())#{content := Wish}, <<"d-1">>,
                                                  (settings())#{content := Content}, connected))
    end,
    [?_assertEqual(<<"none">>, Row(body, none)),
     ?_assertEqual(<<"none">>, Row(none, body)),
     ?_assertEqual(<<"body">>, Row(body, body))].

a_row_says_which_apple_the_app_is_for_test_() ->
    Row = fun(Apps) ->
        element(3, push_command_values:device_row(device(), <<"d-1">>,
                                                  (settings())#{apps := Apps}, connected))
    end,
    [?_assertEqual(<<"sandbox">>, Row(#{<<"a">> => #{environment => sandbox}})),
     ?_assertEqual(<<"https://h">>, Row(#{<<"a">> => #{environment => <<"https://h">>}})),
     ?_assertEqual(<<>>, Row(#{}))].

a_clients_texts_cannot_move_the_terminals_cursor_test() ->
    Hostile = (device())#{name := <<"a\tb\nc\e[2Jd", 16#9b/utf8, "e", 16#2028/utf8, "ü"/utf8>>},
    Row = push_command_values:device_row(Hostile, <<"d-1">>, settings(), connected),
    ?assertEqual(<<"a b c [2Jd e ü"/utf8>>, element(12, Row)).

a_whole_token_is_in_a_row_of_its_own_test() ->
    ?assertEqual({<<"d-1">>, <<"a">>, <<"voip">>, <<"001122334455">>},
                 push_command_values:token_row(device(), <<"d-1">>)).

every_app_is_counted_that_is_named_or_has_devices_test() ->
    ?assertEqual([{<<"h">>, <<"a">>, 0, <<"connected">>},
                  {<<"h">>, <<"gone">>, 7, <<"not_configured">>}],
                 push_command_values:count_rows(<<"h">>, #{<<"gone">> => 7}, settings(),
                                                #{<<"a">> => connected})).

an_outcome_is_a_row_test() ->
    Outcome = push_trial:outcome(device(), #{event => rejected, apns_id => <<"i">>, status => 400,
                                             reason => <<"Bad\nThing">>}),
    ?assertMatch({<<"d-1">>, <<"a">>, <<"voip">>, <<"00112233...">>, <<"rejected">>, 400,
                  <<"Bad Thing">>, <<"i">>, _},
                 push_command_values:outcome_row(Outcome, <<"d-1">>)).

an_import_tells_its_counts_test() ->
    ?assertEqual(<<"imported: 3, known before: 2, "
                   "refused, since they are no tokens of the app: 1">>,
                 push_command_values:imported(#{imported => 3, known => 2, refused => 1,
                                                services => [<<"other">>]})).

an_engine_is_at_something_test_() ->
    [?_assertEqual(State, push_command_values:engine(Stats))
     || {State, Stats} <- [{connected, #{paused => 0, connections => 2}},
                           {unconnected, #{paused => 0, connections => 0}},
                           {paused, #{paused => 1, connections => 2}}]].

device() ->
    #{us => {<<"bob">>, <<"example.org">>}, app => <<"a">>, token => <<"001122334455">>,
      kind => voip, device_id => <<"id">>, node => <<>>, name => <<"Bob's">>,
      resource => <<"phone">>, content => sender, language => <<"de">>,
      remove_on_logout => false, registered_at => 1700000000000}.

settings() ->
    #{service => <<"push.example.org">>, content => body, apps => #{<<"a">> => #{}},
      tigase => none}.

long(Bytes) ->
    binary:copy(<<"x">>, Bytes).
