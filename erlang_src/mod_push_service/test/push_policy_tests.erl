%% The table of docs/configuration.md, row by row.
-module(push_policy_tests).

-include_lib("eunit/include/eunit.hrl").
-include("xmpp.hrl").

-import(push_stanzas, [chat/1, message/2, message/3, mucsub/2, omemo/1, propose/1, propose/2,
                       add/2]).

table() ->
    [{"a chat message with a body", chat("<body>hi</body>"), {push, message}},
     {"a normal message with a body", message("normal", "<body>hi</body>"), {push, message}},
     {"quotes and control characters", chat("<body>\"\n\t\\</body>"), {push, message}},
     {"a body of spaces", chat("<body> \n </body>"), {none, no_body}},
     {"an empty body", chat("<body/>"), {none, no_body}},
     {"no children", chat(""), {none, no_body}},
     {"an error", message("error", "<body>hi</body>"), {none, error}},
     {"a headline", message("headline", "<body>hi</body>"), {none, headline}},
     {"groupchat", message("groupchat", "<body>hi</body>"), {none, groupchat}},
     {"a message to oneself", message("chat", "bob@localhost/pc", "<body>hi</body>"), {none, own}},
     {"a carbon of a sent message",
      chat("<sent xmlns='urn:xmpp:carbons:2'/><body>x</body>"), {none, carbon}},
     {"a carbon of a received message", chat("<received xmlns='urn:xmpp:carbons:2'/>"),
      {none, carbon}},
     {"a message marked as carbon by the server",
      xmpp:put_meta(chat("<body>hi</body>"), carbon_copy, true), {none, carbon}},
     {"a message out of offline storage",
      xmpp:put_meta(chat("<body>hi</body>"), from_offline, true), {none, replayed}},
     {"no-store", chat("<body>hi</body><no-store xmlns='urn:xmpp:hints'/>"), {none, no_store}},
     {"no-storage", chat("<body>hi</body><no-storage xmlns='urn:xmpp:hints'/>"), {none, no_store}},
     {"store alone does not notify", chat("<store xmlns='urn:xmpp:hints'/>"), {none, no_body}},
     {"no-permanent-store is like any other",
      chat("<body>hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>"), {push, message}},
     {"a hint that a module decoded",
      add(chat("<body>hi</body>"), #hint{type = 'no-store'}), {none, no_store}},
     {"a receipt", chat("<received xmlns='urn:xmpp:receipts' id='1'/>"), {none, no_body}},
     {"a chat marker", chat("<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"),
      {none, no_body}},
     {"a chat state", chat("<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
      {none, no_body}},
     {"a body with a chat state and a request for a receipt",
      chat("<body>hi</body><active xmlns='http://jabber.org/protocol/chatstates'/>"
           "<request xmlns='urn:xmpp:receipts'/>"), {push, message}},
     {"OMEMO with payload", chat(omemo("<header/><payload/>")), {push, message}},
     {"OMEMO with payload and fallback body",
      chat(["<body>I sent you an OMEMO message</body>", omemo("<header/><payload/>")]),
      {push, message}},
     {"OMEMO 2 with payload",
      chat("<encrypted xmlns='urn:xmpp:omemo:2'><payload/></encrypted>"), {push, message}},
     {"OMEMO key transport", chat(omemo("<header/>")), {none, key_transport}},
     {"OMEMO key transport with fallback body",
      chat(["<body>fallback</body>", omemo("<header/>")]), {none, key_transport}},
     {"OpenPGP", chat("<openpgp xmlns='urn:xmpp:openpgp:0'>x</openpgp>"), {push, message}},
     {"an encryption hint with fallback body",
      chat("<body>fallback</body><encryption xmlns='urn:xmpp:eme:0' namespace='x'/>"),
      {push, message}},
     {"a retraction with fallback body",
      chat("<retract xmlns='urn:xmpp:message-retract:1' id='1'/><body>I retract</body>"),
      {none, retraction}},
     {"a reaction with fallback body",
      chat("<reactions xmlns='urn:xmpp:reactions:0' id='1'/><body>+1</body>"), {none, reaction}},
     {"a call", chat(propose("c1")), {push, call}},
     {"a call that must be stored", chat([propose("c1"), "<store xmlns='urn:xmpp:hints'/>"]),
      {push, call}},
     {"a call that must not be stored",
      chat([propose("c1"), "<no-store xmlns='urn:xmpp:hints'/>"]), {push, call}},
     {"a call without an id", chat("<propose xmlns='urn:xmpp:jingle-message:0'/>"),
      {none, no_body}},
     {"a call to oneself", message("chat", "bob@localhost/pc", propose("c1")), {none, own}}]
    ++ [{"a call's " ++ Name, chat(["<", Name, " xmlns='urn:xmpp:jingle-message:0' id='c1'/>"]),
         {none, call_signal}}
        || Name <- ["ringing", "proceed", "accept", "reject", "retract", "finish"]]
    ++ [{"a MUC/Sub message", mucsub("messages", "<body>hi</body>"), {push, message}},
        {"a MUC/Sub message of this server's room",
         add(message("normal", "room@conference.localhost", ""), mucsub_record()),
         {push, message}},
        {"a MUC/Sub message without a body", mucsub("messages", ""), {none, no_body}},
        {"a MUC/Sub message not to be stored",
         mucsub("messages", "<body>hi</body><no-store xmlns='urn:xmpp:hints'/>"),
         {none, no_store}},
        {"another PEP event", chat("<event xmlns='http://jabber.org/protocol/pubsub#event'>"
                                   "<items node='urn:xmpp:mds:displayed:0'/></event>"),
         {none, no_body}}]
    ++ [{"a MUC/Sub event of " ++ Node, mucsub(Node, "<body>hi</body>"), {none, mucsub_event}}
        || Node <- ["presence", "subject", "config", "affiliations", "subscribers",
                    "participants"]].

decide_test_() ->
    [{Name, ?_assertEqual(Expected, verdict(push_policy:decide(Msg)))}
     || {Name, Msg, Expected} <- table()].

%% The module knows the whitespace by heart; Unicode's tables are string:trim/1's.
a_body_is_blank_where_trimming_leaves_nothing_test_() ->
    Verdict = fun(Text) ->
        Msg = chat(""),
        verdict(push_policy:decide(Msg#message{body = [#text{data = Text}]}))
    end,
    Expected = fun(Text) ->
        case string:trim(Text) of
            <<>> -> {none, no_body};
            _ -> {push, message}
        end
    end,
    Chars = [<<C/utf8>> || C <- lists:seq(0, 16#3100) ++ [16#feff, 16#1f600]],
    Texts = Chars ++ [<<" ", Char/binary>> || Char <- Chars] ++ [<<"\r\n \t">>, <<" \r\n.">>],
    {timeout, 60, ?_assertEqual([], [T || T <- Texts, Verdict(T) =/= Expected(T)])}.

the_inner_message_of_a_mucsub_event_is_the_one_to_show_test() ->
    {push, message, Inner} = push_policy:decide(mucsub("messages", "<body>hi</body>")),
    ?assertEqual(<<"room@conference.localhost/nick">>, jid:encode(Inner#message.from)),
    ?assertEqual(<<"hi">>, xmpp:get_text(Inner#message.body)).

a_call_tells_id_and_media_test() ->
    Call = propose(["<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>",
                    "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>",
                    "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='smell'/>"], "c1"),
    ?assertEqual(#{id => <<"c1">>, media => [<<"audio">>, <<"video">>]},
                 push_policy:call(chat(Call))).

garbage_children_decide_nothing_test_() ->
    [?_assertEqual({none, no_body}, verdict(push_policy:decide(chat(Xml))))
     || Xml <- ["<x/>", "<encrypted xmlns='urn:x'/>", "<event/>",
                "<event xmlns='http://jabber.org/protocol/pubsub#event'/>",
                "<event xmlns='http://jabber.org/protocol/pubsub#event'><items/></event>",
                "<no-store/>", "<propose/>"]].

mucsub_record() ->
    Inner = message("groupchat", "room@conference.localhost/nick", "<body>hi</body>"),
    #ps_event{items = #ps_items{node = ?NS_MUCSUB_NODES_MESSAGES,
                                items = [#ps_item{id = <<"1">>, sub_els = [Inner]}]}}.

verdict({push, Class, #message{}}) -> {push, Class};
verdict(None) -> None.

otr_test() ->
    ?assert(push_policy:is_encrypted(chat("<body>?OTR:AAMDJ+MVmSfjFZcAAAAAAQ==.</body>"))),
    ?assertNot(push_policy:is_encrypted(chat("<body>what is ?OTR</body>"))).
