-module(push_p1_tests).

-include_lib("eunit/include/eunit.hrl").

-define(TOKEN, "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0").

%% What ProcessOne's own iOS library sends, with all that may be in it.
whole_request_test() ->
    {ok, Fields} = fields(
        "<push xmlns='p1:push' apns-sandbox='true'><keepalive max='120'/><session duration='60'/>"
        "<body send='all' groupchat='true' from='jid'/><status type='xa'>Away</status>"
        "<offline>false</offline><notification><type>applepush</type><id>" ?TOKEN "</id>"
        "</notification><appid>com.example.chat</appid></push>"),
    ?assertEqual(#{<<"token">> => [<<?TOKEN>>], <<"app">> => [<<"com.example.chat">>],
                   <<"environment">> => [<<"sandbox">>], <<"content">> => [<<"body">>],
                   <<"remove_on_logout">> => [<<"true">>]}, Fields).

%% Nothing is said of what the request leaves out, but that a token is for production.
least_request_test() ->
    {ok, Fields} = fields("<push xmlns='p1:push'><notification><type>applepush</type>"
                          "<id>\n " ?TOKEN "\n</id></notification></push>"),
    ?assertEqual(#{<<"token">> => [<<?TOKEN>>], <<"environment">> => [<<"production">>]}, Fields).

content_test_() ->
    [?_assertEqual(Content, content(Body)) || {Body, Content} <- [
        {"<body send='all' from='name'/>", [<<"body">>]},
        {"<body send='first-per-user' from='jid'/>", [<<"body">>]},
        {"<body send='all' from='none'/>", [<<"none">>]},
        {"<body from='none'/>", [<<"none">>]},
        {"<body send='none' from='username'/>", [<<"sender">>]},
        {"<body send='none' from='none'/>", [<<"none">>]},
        {"<body send='none'/>", [<<"none">>]},
        {"<body groupchat='true'/>", none}]].

content(Body) ->
    {ok, Fields} = fields("<push xmlns='p1:push'>" ++ Body ++ "<notification>"
                          "<type>applepush</type><id>" ?TOKEN "</id></notification></push>"),
    maps:get(<<"content">>, Fields, none).

refusals_test_() ->
    [?_assertMatch({error, {Condition, <<_, _/binary>>}}, fields(Push)) || {Push, Condition} <- [
        {"<push xmlns='p1:push'/>", bad_request},
        {"<push xmlns='p1:push'><notification><type>applepush</type><id> </id></notification>"
         "</push>", bad_request},
        {"<push xmlns='p1:push'><notification/></push>", not_acceptable},
        {"<push xmlns='p1:push'><notification><type>gcm</type><id>x</id></notification></push>",
         not_acceptable}]].

fields(Xml) ->
    push_p1:fields(fxml_stream:parse_element(list_to_binary(Xml))).
