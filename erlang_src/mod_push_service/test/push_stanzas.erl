%% Messages for the tests of the pure modules, from XML as a client sends it.
-module(push_stanzas).

-export([chat/1, message/2, message/3, mucsub/2, omemo/1, propose/1, propose/2, add/2]).

-include("xmpp.hrl").

chat(Children) ->
    message("chat", Children).

message(Type, Children) ->
    message(Type, "alice@localhost/phone", Children).

message(Type, From, Children) ->
    Xml = iolist_to_binary(["<message xmlns='jabber:client' type='", Type, "' from='", From,
                            "' to='bob@localhost'>", Children, "</message>"]),
    %% It loads its NIFs, and those of what it stands on.
    {ok, _} = application:ensure_all_started(xmpp),
    #xmlel{} = El = fxml_stream:parse_element(Xml),
    xmpp:decode(El, ?NS_CLIENT, [ignore_els]).

mucsub(Node, Children) ->
    message("normal", "room@conference.localhost",
            ["<event xmlns='http://jabber.org/protocol/pubsub#event'>"
             "<items node='urn:xmpp:mucsub:nodes:", Node, "'><item id='1'>"
             "<message xmlns='jabber:client' type='groupchat' "
             "from='room@conference.localhost/nick' to='bob@localhost'>", Children,
             "</message></item></items></event>"]).

omemo(Children) ->
    ["<encrypted xmlns='eu.siacs.conversations.axolotl'>", Children, "</encrypted>"].

propose(Id) ->
    propose("<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>", Id).

propose(Descriptions, Id) ->
    ["<propose xmlns='urn:xmpp:jingle-message:0' id='", Id, "'>", Descriptions, "</propose>"].

add(#message{sub_els = Els} = Msg, El) ->
    Msg#message{sub_els = [El | Els]}.
