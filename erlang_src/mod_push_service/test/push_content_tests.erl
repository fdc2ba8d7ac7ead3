%% What may be shown: per level, and never more.
-module(push_content_tests).

-include_lib("eunit/include/eunit.hrl").
-include("xmpp.hrl").

-define(NOW, 1700000000).
-define(IDS, #{thread_id => <<"T">>, collapse_id => <<"C">>}).

texts_test_() ->
    Text = <<"secret \"words\"\n">>,
    Plain = chat(["<body>", Text, "</body>"]),
    Rows =
        [{"none", Plain, none, none, <<"New message">>},
         {"sender", Plain, sender, <<"alice@localhost">>, <<"New message">>},
         {"body", Plain, body, <<"alice@localhost">>, Text},
         {"an encrypted message's fallback",
          chat("<body>secret</body><encryption xmlns='urn:xmpp:eme:0' namespace='x'/>"), body,
          <<"alice@localhost">>, <<"New message">>},
         {"OMEMO without body",
          chat("<encrypted xmlns='urn:xmpp:omemo:2'><payload/></encrypted>"), body,
          <<"alice@localhost">>, <<"New message">>},
         {"a link with a key", chat("<body>see AESGCM://secret/#secret</body>"), body,
          <<"alice@localhost">>, <<"New message">>},
         {"a spoiler", chat("<body>secret</body><spoiler xmlns='urn:xmpp:spoiler:0'/>"), body,
          <<"alice@localhost">>, <<"New message">>},
         {"an ephemeral message",
          chat("<body>secret</body><ephemeral xmlns='urn:xmpp:ephemeral:0' timer='5'/>"), body,
          <<"alice@localhost">>, <<"New message">>},
         {"a room's message", room("groupchat", "<body>hi</body>"), body, <<"room@c">>,
          <<"nick: hi">>},
         {"a room's message, sender only", room("groupchat", "<body>hi</body>"), sender,
          <<"room@c">>, <<"New message">>},
         {"a private message in a room",
          room("chat", "<body>hi</body><x xmlns='http://jabber.org/protocol/muc#user'/>"), body,
          <<"nick">>, <<"hi">>}],
    [{Name, fun() ->
        N = push_content:notification(message, Msg, Level, ?IDS, ?NOW),
        ?assertEqual(Title, maps:get(title, N, none)),
        ?assertEqual(Body, maps:get(body, N)),
        ?assertMatch(#{push_type := alert, priority := 10, sound := <<"default">>,
                       mutable_content := true, thread_id := <<"T">>, collapse_id := <<"C">>}, N),
        ?assert(maps:get(expiration, N) > ?NOW),
        ?assert(maps:get(expiration, N) =< ?NOW + 30 * 24 * 3600)
     end} || {Name, Msg, Level, Title, Body} <- Rows].

with_content_none_nothing_of_the_message_is_in_the_notification_test() ->
    Msg = chat("<body>secret</body><subject>secret</subject><thread>secret</thread>"),
    N = push_content:notification(message, Msg, none, ?IDS, ?NOW),
    Bytes = term_to_binary(N),
    [?assertEqual(nomatch, binary:match(Bytes, Word))
     || Word <- [<<"secret">>, <<"alice">>, <<"bob">>, <<"localhost">>]].

calls_test_() ->
    Call = chat(push_stanzas:propose("c1")),
    Custom = #{<<"call">> => #{<<"id">> => <<"c1">>, <<"media">> => [<<"audio">>]}},
    Named = #{<<"call">> => #{<<"id">> => <<"c1">>, <<"media">> => [<<"audio">>],
                              <<"from">> => <<"alice@localhost">>}},
    Voip = fun(Level) -> push_content:notification({call, voip}, Call, Level, ?IDS, ?NOW) end,
    Alert = fun(Level) -> push_content:notification({call, alert}, Call, Level, ?IDS, ?NOW) end,
    [?_assertEqual(#{push_type => voip, priority => 10, expiration => ?NOW + 30,
                     custom => Custom}, Voip(none)),
     ?_assertMatch(#{custom := Named}, Voip(sender)),
     ?_assertMatch(#{push_type := alert, body := <<"Incoming call">>,
                     interruption_level := time_sensitive, custom := Custom}, Alert(none)),
     ?_assertNot(maps:is_key(title, Alert(none))),
     ?_assertMatch(#{title := <<"alice@localhost">>}, Alert(body))].

%% What an app was given stays what it is.
ids_are_hmacs_under_the_key_test() ->
    Key = crypto:strong_rand_bytes(32),
    Hex = fun(Parts) ->
        <<Mac:16/binary, _/binary>> = crypto:mac(hmac, sha256, Key, lists:join(0, Parts)),
        binary:encode_hex(Mac)
    end,
    Ids = push_content:ids(Key, <<"bob@localhost">>, chat("<body>1</body>"), message, <<"m1">>),
    Of = [<<"bob@localhost">>, <<"alice@localhost">>],
    ?assertEqual(#{thread_id => Hex([<<"thread">> | Of]),
                   collapse_id => Hex([<<"message">> | Of] ++ [<<"m1">>])}, Ids).

ids_test_() ->
    Ids = fun(Key, Owner, Msg, MsgKey) -> push_content:ids(Key, Owner, Msg, message, MsgKey) end,
    A = Ids(<<"k">>, <<"bob@localhost">>, chat("<body>1</body>"), <<"m1">>),
    Same = Ids(<<"k">>, <<"bob@localhost">>, chat("<body>2</body>"), <<"m2">>),
    Owner = Ids(<<"k">>, <<"eve@localhost">>, chat("<body>1</body>"), <<"m1">>),
    Key = Ids(<<"l">>, <<"bob@localhost">>, chat("<body>1</body>"), <<"m1">>),
    Room = Ids(<<"k">>, <<"bob@localhost">>, room("groupchat", "<body>1</body>"), <<"m1">>),
    Thread = fun(#{thread_id := Id}) -> Id end,
    Collapse = fun(#{collapse_id := Id}) -> Id end,
    [{"one conversation is one thread", ?_assertEqual(Thread(A), Thread(Same))},
     {"two messages are two banners", ?_assertNotEqual(Collapse(A), Collapse(Same))},
     {"another owner", ?_assertNotEqual(Thread(A), Thread(Owner))},
     {"another key", ?_assertNotEqual(Thread(A), Thread(Key))},
     {"another peer with the same message id", ?_assertNotEqual(Collapse(A), Collapse(Room))},
     {"fits apns-collapse-id", ?_assert(byte_size(Collapse(A)) =< 64)},
     {"the two are unlike", ?_assertNotEqual(Thread(A), Collapse(A))}].

cut_test_() ->
    Rows =
        [{"fits", <<"abcdef">>, 6, <<"abcdef">>},
         {"cut", <<"abcdefg">>, 6, <<"abc…"/utf8>>},
         {"never within a character", <<"ab", "äöü"/utf8>>, 6, <<"ab…"/utf8>>},
         {"a quote takes two bytes of JSON", <<"\"\"\"\"">>, 7, <<"\"\"…"/utf8>>},
         {"a control character takes six", <<1, 2, 3>>, 12, <<1, "…"/utf8>>},
         {"an emoji takes four", <<"😀😀"/utf8>>, 7, <<"😀…"/utf8>>},
         {"empty", <<>>, 6, <<>>},
         {"not UTF-8", <<"ab", 255, "cd">>, 10, <<"ab…"/utf8>>}],
    [{Name, ?_assertEqual(Expected, push_content:cut(Text, Max))}
     || {Name, Text, Max, Expected} <- Rows].

a_huge_body_leaves_a_small_notification_test() ->
    Msg = chat(["<body>", binary:copy(<<"\"é\n"/utf8>>, 20000), "</body>"]),
    #{body := Body} = push_content:notification(message, Msg, body, ?IDS, ?NOW),
    ?assert(byte_size(Body) < 2048),
    ?assertMatch({_, _}, binary:match(Body, <<"…"/utf8>>)).

levels_test_() ->
    [?_assertEqual(none, push_content:stricter(none, body)),
     ?_assertEqual(sender, push_content:stricter(body, sender)),
     ?_assertEqual(body, push_content:stricter(body, body)),
     ?_assertEqual([none], push_content:levels(none)),
     ?_assertEqual([none, sender, body], push_content:levels(body))].

chat(Children) ->
    push_stanzas:chat(Children).

room(Type, Children) ->
    push_stanzas:message(Type, "room@c/nick", Children).
