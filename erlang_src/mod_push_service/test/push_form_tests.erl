%% The field table of docs/clients.md, and what is no registration.
-module(push_form_tests).

-include_lib("eunit/include/eunit.hrl").
-include("xmpp.hrl").

-define(HEX, <<"00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0">>).
-define(ONE, #{<<"im.app">> => #{}}).
-define(TWO, #{<<"im.app">> => #{topic => <<"im.app">>},
               <<"beta">> => #{topic => <<"im.app">>, environment => sandbox}}).

registrations_test_() ->
    Base64 = base64:encode(binary:decode_hex(?HEX)),
    Rows =
        [{"node is the token", [], ?HEX, #{}},
         {"node in upper case", [], string:uppercase(?HEX), #{}},
         {"token in hex", [{"token", ?HEX}], <<>>, #{}},
         {"token in base64", [{"token", Base64}], <<>>, #{}},
         {"device-token", [{"device-token", ?HEX}], <<>>, #{}},
         {"spaces around it", [{"token", <<" ", ?HEX/binary, "\n">>}], <<>>, #{}},
         {"as iOS printed it once", [{"token", grouped()}], <<>>, #{}},
         {"the field wins over the node", [{"token", ?HEX}], <<"00">>, #{}},
         {"MongooseIM: device_id is the token", [{"service", "apns"}, {"device_id", ?HEX}], <<>>,
          #{device_id => <<>>}},
         {"device-id and name", [{"device-id", "phone"}, {"device-name", "Bob's"}], ?HEX,
          #{device_id => <<"phone">>, name => <<"Bob's">>}},
         {"kind", [{"kind", "voip"}], ?HEX, #{kind => voip}},
         {"content", [{"content", "none"}], ?HEX, #{content => none}},
         {"language", [{"language", "de"}], ?HEX, #{language => <<"de">>}},
         {"remove_on_logout", [{"remove_on_logout", "true"}], ?HEX, #{remove_on_logout => true}},
         {"names in any case", [{"Remove-On-Logout", "1"}], ?HEX, #{remove_on_logout => true}},
         {"unknown fields are not ours", [{"FORM_TYPE", "x"}, {"x", "y"}], ?HEX, #{}}],
    [{Name, fun() ->
        {ok, Registration} = registration(Fields, Node, ?ONE),
        Default = #{app => <<"im.app">>, token => ?HEX, kind => alert, device_id => <<>>,
                    name => <<>>, content => body, language => <<>>, remove_on_logout => false},
        ?assertEqual(maps:merge(Default, Expected), Registration)
     end} || {Name, Fields, Node, Expected} <- Rows].

grouped() ->
    Groups = [Group || <<Group:8/binary>> <= ?HEX],
    iolist_to_binary(["<", lists:join(" ", Groups), ">"]).

voip_tokens_test_() ->
    Voip = binary:copy(<<"5a">>, 32),
    Both = fun(Fields) -> push_form:registrations(fields(Fields), ?HEX, ?ONE) end,
    [?_assertMatch({ok, [#{kind := alert, token := ?HEX, language := <<"de">>},
                         #{kind := voip, token := Voip, language := <<"de">>}]},
                   Both([{"voip-token", string:uppercase(Voip)}, {"language", "de"}])),
     ?_assertMatch({ok, [#{kind := alert}]}, Both([{"voip_token", ""}])),
     ?_assertMatch({error, {not_acceptable, <<"Field 'voip_token' is no device", _/binary>>}},
                   Both([{"voip_token", "mine"}])),
     ?_assertMatch({error, {not_acceptable, <<"Field 'voip_token' is too long", _/binary>>}},
                   Both([{"voip_token", binary:copy(<<"a">>, 1000)}])),
     ?_assertMatch({error, {not_acceptable, <<"Field 'voip_token' repeats", _/binary>>}},
                   Both([{"voip_token", ?HEX}])),
     ?_assertMatch({error, {not_acceptable, <<"Field 'voip_token' goes with", _/binary>>}},
                   Both([{"voip_token", Voip}, {"kind", "voip"}]))].

says_nothing_test() ->
    ?assert(push_form:says_nothing(#{})),
    ?assert(push_form:says_nothing(#{<<"form_type">> => [<<"x">>], <<"node">> => [<<>>]})),
    ?assertNot(push_form:says_nothing(#{<<"devise_id">> => [<<"phone">>]})).

refusals_test_() ->
    Long = binary:copy(<<"x">>, 129),
    Rows =
        [{"no token at all", [], <<>>, bad_request, "missing"},
         {"node is no token", [], <<"my phone">>, not_acceptable, "no device token"},
         {"a word that happens to be base64", [], <<"bobsphone123">>, not_acceptable,
          "no device token"},
         {"hex with a typing error", [], <<"g", (binary:part(?HEX, 1, 63))/binary>>,
          not_acceptable, "no device token"},
         {"an odd number of digits", [], <<"abc">>, not_acceptable, "no device token"},
         {"a token of 101 bytes", [{"token", binary:copy(<<"ab">>, 101)}], <<>>, not_acceptable,
          "too long"},
         {"neither hex nor base64", [{"token", "%%%%"}], <<>>, not_acceptable, "no device token"},
         {"kind", [{"kind", "smell"}], ?HEX, not_acceptable, "'kind' takes one of: alert, voip"},
         {"content", [{"content", "all"}], ?HEX, not_acceptable, "body, none, sender"},
         {"remove_on_logout", [{"remove_on_logout", "maybe"}], ?HEX, not_acceptable,
          "'remove_on_logout'"},
         {"a long device id", [{"device_id", Long}], ?HEX, not_acceptable,
          "'device_id' is too long"},
         {"a field given twice", [{"kind", "alert"}, {"kind", "alert"}], ?HEX, bad_request,
          "'kind' has more than one value"},
         {"another service", [{"service", "fcm"}], ?HEX, not_acceptable, "takes one of: apns"},
         {"no language tag", [{"language", "de_DE !"}], ?HEX, not_acceptable, "language tag"},
         {"the other environment", [{"environment", "sandbox"}], ?HEX, item_not_found,
          "im.app for production"},
         {"unknown app", [{"app", "im.other"}], ?HEX, item_not_found, "im.app"}],
    [{Name, fun() ->
        {error, {Kind, Sentence}} = registration(Fields, Node, ?ONE),
        ?assertEqual(Expected, Kind),
        ?assertMatch({_, _}, binary:match(Sentence, list_to_binary(Words)))
     end} || {Name, Fields, Node, Expected, Words} <- Rows].

what_the_client_sent_is_not_in_the_answer_test() ->
    {error, {_, Sentence}} = registration([{"app", "<injected/>"}], ?HEX, ?ONE),
    ?assertEqual(nomatch, binary:match(Sentence, <<"injected">>)).

apps_test_() ->
    Rows =
        [{"the only one", [], ?ONE, <<"im.app">>},
         {"by name", [{"app", "beta"}], ?TWO, <<"beta">>},
         {"a name wins over a topic", [{"app", "im.app"}], ?TWO, <<"im.app">>},
         {"by environment", [{"environment", "sandbox"}], ?TWO, <<"beta">>},
         {"by topic and mode", [{"topic", "im.app"}, {"mode", "prod"}], ?TWO, <<"im.app">>},
         {"pushoff's backend_ref", [{"backend_ref", "beta"}], ?TWO, <<"beta">>},
         {"Monal's pushModule", [{"pushModule", "beta"}], ?TWO, <<"beta">>},
         {"of several apps none is its pushModule", [{"pushModule", "quicksy"}], ?TWO, error},
         {"the only app, whatever pushModule", [{"pushModule", "quicksy"}], ?ONE, <<"im.app">>},
         {"not said", [], ?TWO, error},
         {"a topic in both environments", [{"topic", "im.app"}], ?TWO, error},
         {"name and environment that differ",
          [{"app", "beta"}, {"environment", "production"}], ?TWO, error}],
    [{Name, fun() ->
        case push_form:choose_app(fields(Fields), Apps) of
            {ok, App} -> ?assertEqual(Expected, App);
            {error, Sentence} ->
                ?assertEqual(Expected, error),
                ?assertMatch({_, _}, binary:match(Sentence, <<"beta">>))
        end
     end} || {Name, Fields, Apps, Expected} <- Rows].

environments_of_urls_test_() ->
    Rows = [{<<"https://api.push.apple.com:2197">>, true, false},
            {<<"https://api.sandbox.push.apple.com">>, false, true},
            {<<"https://api.development.push.apple.com">>, false, true},
            {<<"https://127.0.0.1:2197">>, true, true}],
    [?_assertEqual(IsFor, push_form:choose_app(fields([{"environment", Word}]),
                                               #{<<"im.app">> => #{environment => URL}})
                          =:= {ok, <<"im.app">>})
     || {URL, Production, Sandbox} <- Rows,
        {Word, IsFor} <- [{"production", Production}, {"sandbox", Sandbox}]].

a_registered_device_said_all_this_test() ->
    {ok, Registration} = registration([{"kind", "voip"}, {"device_id", "x"}, {"content", "none"}],
                                      ?HEX, ?ONE),
    ?assertEqual({ok, Registration},
                 push_form:registration(push_form:fields_of(Registration), <<>>, ?ONE)).

wanted_test_() ->
    [?_assertEqual([], push_form:wanted(fields([]))),
     ?_assertEqual([{node, <<"a">>}, {node, <<"b">>}],
                   push_form:wanted(#{<<"nodes">> => [<<"a">>, <<"b">>]})),
     ?_assertEqual([{token, ?HEX}], push_form:wanted(fields([{"token", string:uppercase(?HEX)}]))),
     ?_assertEqual([{device_id, <<"x">>}], push_form:wanted(fields([{"device-id", "x"}])))].

registration(Fields, Node, Apps) ->
    push_form:registration(fields(Fields), Node, Apps).

fields(Fields) ->
    push_form:fields(#xdata{type = submit, fields =
        [#xdata_field{var = list_to_binary(Var), values = [iolist_to_binary(Value)]}
         || {Var, Value} <- Fields]}).
