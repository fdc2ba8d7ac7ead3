-module(push_tigase_tests).

-include_lib("eunit/include/eunit.hrl").

-define(TOKEN, <<"00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0">>).
-define(PUSHKIT, <<"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff">>).

%% What TigaseSwift puts into register-device.
-define(FORM, #{<<"provider">> => [<<"tigase:messenger:apns:1">>],
                <<"device_token">> => [?TOKEN]}).

one_token_is_one_device_test() ->
    {ok, Node, [Device]} = registrations(?FORM),
    ?assertMatch(#{app := <<"chat">>, token := ?TOKEN, kind := alert, device_id := Node}, Device).

two_tokens_are_two_devices_of_one_phone_test() ->
    Form = form(<<"device_second_token">>, [?PUSHKIT]),
    {ok, Node, Devices} = registrations(Form),
    ?assertMatch([#{token := ?TOKEN, kind := alert, device_id := Node},
                  #{token := ?PUSHKIT, kind := voip, device_id := Node}], Devices),
    %% unregister-device names the first token only.
    ?assertEqual({ok, Node}, push_tigase:device(?FORM, <<"chat">>, <<"key">>)).

the_node_says_nothing_about_the_token_test() ->
    {ok, Node, _} = registrations(?FORM),
    ?assertEqual(nomatch, binary:match(Node, binary:part(?TOKEN, 0, 8))),
    {ok, Other, _} = push_tigase:registrations(?FORM, <<"chat">>, apps(), <<"another key">>),
    ?assertNotEqual(Node, Other).

all_or_nothing_test() ->
    Form = form(<<"device_second_token">>, [<<"no token">>]),
    ?assertMatch({error, {not_acceptable, _}}, registrations(Form)).

refusals_test_() ->
    Fcm = <<"tigase:messenger:fcm:1">>,
    [?_assertMatch({error, {Condition, <<_, _/binary>>}}, registrations(Form))
     || {Form, Condition} <- [
        {#{}, bad_request},
        {form(<<"provider">>, [Fcm]), not_acceptable},
        {form(<<"device_token">>, [<<"no token">>]), not_acceptable},
        {form(<<"device_token">>, [?TOKEN, ?PUSHKIT]), bad_request}]].

form(Field, Values) ->
    maps:put(Field, Values, ?FORM).

registrations(Form) ->
    push_tigase:registrations(Form, <<"chat">>, apps(), <<"key">>).

apps() ->
    #{<<"chat">> => #{}, <<"beta">> => #{}}.
