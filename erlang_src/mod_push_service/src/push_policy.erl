%% Does a message deserve a push, and of which class? Pure: the stanza decides alone.
%%
%% The order of the rules is the order of the clauses in rules/0; the first that speaks wins.
%% docs/configuration.md shows the same table to administrators, push_policy_tests tests it row by
%% row.
-module(push_policy).

-export([decide/1, call/1, is_encrypted/1, is_muc_private/1]).

-export_type([class/0, reason/0, call/0]).

-include("xmpp.hrl").

%% Defined here because the oldest ns.hrl we compile with lacks them.
-define(NS_JINGLE_MESSAGE_0, <<"urn:xmpp:jingle-message:0">>).
-define(NS_OMEMO_AXOLOTL, <<"eu.siacs.conversations.axolotl">>).
-define(NS_OMEMO_PREFIX, "urn:xmpp:omemo:").
-define(NS_ENCRYPTION_HINT, <<"urn:xmpp:eme:0">>).
-define(NS_OPENPGP_LEGACY, <<"jabber:x:encrypted">>).
-define(NS_OPENPGP, <<"urn:xmpp:openpgp:0">>).
-define(NS_RETRACT_1, <<"urn:xmpp:message-retract:1">>).
-define(NS_REACTIONS, <<"urn:xmpp:reactions:0">>).
-define(NS_JINGLE_RTP_1, <<"urn:xmpp:jingle:apps:rtp:1">>).

%% message: an alert; call: a VoIP push, or an alert to devices that take none.
-type class() :: message | call.
-type reason() :: error | headline | carbon | own | replayed | mucsub_event | groupchat
                | call_signal | no_store | key_transport | retraction | reaction | no_body.
-type call() :: #{id := binary(), media := [binary()]}.
-type verdict() :: {push, class(), message()} | {none, reason()} | next.

%% The message in the answer is the one to show: the inner one of a MUC/Sub event.
-spec decide(message()) -> {push, class(), message()} | {none, reason()}.
decide(#message{} = Msg) ->
    decide(rules(), Msg).

decide([Rule | Rules], Msg) ->
    case Rule(Msg) of
        next -> decide(Rules, Msg);
        Verdict -> Verdict
    end.

-spec rules() -> [fun((message()) -> verdict())].
rules() ->
    [fun type/1, fun copies/1, fun mucsub/1, fun groupchat/1, fun calls/1, fun hints/1,
     fun encryption/1, fun edits/1, fun body/1].

type(#message{type = error}) -> {none, error};
type(#message{type = headline}) -> {none, headline};
type(_) -> next.

%% A carbon is a copy of what was pushed or of what the user wrote elsewhere; a message that comes
%% back from offline storage was pushed when it went there.
copies(#message{meta = #{carbon_copy := true}}) -> {none, carbon};
copies(#message{meta = #{from_offline := true}}) -> {none, replayed};
copies(#message{from = From, to = To} = Msg) ->
    IsCarbon = has(Msg, ?NS_CARBONS_2, [<<"sent">>, <<"received">>]),
    if
        IsCarbon -> {none, carbon};
        From =:= undefined; To =:= undefined -> next;
        From#jid.luser =:= To#jid.luser, From#jid.lserver =:= To#jid.lserver -> {none, own};
        true -> next
    end.

mucsub(Msg) ->
    case has(Msg, ?NS_PUBSUB_EVENT, [<<"event">>]) andalso xmpp:get_subtag(Msg, #ps_event{}) of
        #ps_event{items = #ps_items{node = ?NS_MUCSUB_NODES_MESSAGES, items = [Item | _]}} ->
            mucsub_inner(Item);
        #ps_event{items = #ps_items{node = <<"urn:xmpp:mucsub:nodes:", _/binary>>}} ->
            {none, mucsub_event};
        _ ->
            next
    end.

%% A room of this server sends records, another server's XML.
mucsub_inner(#ps_item{sub_els = [#message{type = groupchat} = Inner]}) ->
    decide([fun hints/1, fun encryption/1, fun edits/1, fun body/1], Inner);
mucsub_inner(#ps_item{sub_els = [#xmlel{} = El]}) ->
    try xmpp:decode(El, ?NS_CLIENT, [ignore_els]) of
        #message{type = groupchat} = Inner -> mucsub_inner(#ps_item{sub_els = [Inner]});
        _ -> {none, mucsub_event}
    catch
        error:{xmpp_codec, _} -> {none, mucsub_event}
    end;
mucsub_inner(_) ->
    {none, mucsub_event}.

%% A room's message reaches an absent member by MUC/Sub; plain groupchat that was stored is
%% history.
groupchat(#message{type = groupchat}) -> {none, groupchat};
groupchat(_) -> next.

%% Before the hints: a call that must not be stored must ring all the same.
calls(Msg) ->
    case call(Msg) of
        #{} -> {push, call, Msg};
        none ->
            Signals = [<<"ringing">>, <<"proceed">>, <<"accept">>, <<"reject">>, <<"retract">>,
                       <<"finish">>],
            case has(Msg, ?NS_JINGLE_MESSAGE_0, Signals) of
                true -> {none, call_signal};
                false -> next
            end
    end.

hints(Msg) ->
    case has(Msg, ?NS_HINTS, [<<"no-store">>, <<"no-storage">>]) of
        true -> {none, no_store};
        false -> next
    end.

encryption(Msg) ->
    case omemo(Msg) of
        payload -> {push, message, Msg};
        key_transport -> {none, key_transport};
        none -> next
    end.

%% Both often carry a fallback body for clients that do not know them.
edits(Msg) ->
    case has(Msg, ?NS_RETRACT_1, [<<"retract">>]) of
        true ->
            {none, retraction};
        false ->
            case has(Msg, ?NS_REACTIONS, [<<"reactions">>]) of
                true -> {none, reaction};
                false -> next
            end
    end.

body(#message{body = Body} = Msg) ->
    case is_blank(xmpp:get_text(Body)) andalso not is_encrypted(Msg) of
        true -> {none, no_body};
        false -> {push, message, Msg}
    end.

%% As if string:trim/1 left nothing, which for a text of any length takes longer than all other
%% rules together.
is_blank(<<C/utf8, Text/binary>>) -> is_whitespace(C) andalso is_blank(Text);
is_blank(Text) -> Text =:= <<>>.

is_whitespace(C) when C >= $\t, C =< $\r -> true;
is_whitespace(C) ->
    C =:= $\s orelse C =:= 16#85 orelse C =:= 16#200e orelse C =:= 16#200f
        orelse C =:= 16#2028 orelse C =:= 16#2029.

%% What a <propose/> of XEP-0353 offers.
-spec call(message()) -> call() | none.
call(Msg) ->
    case find(Msg, ?NS_JINGLE_MESSAGE_0, [<<"propose">>]) of
        #xmlel{} = El ->
            case fxml:get_tag_attr_s(<<"id">>, El) of
                <<>> -> none;
                Id -> #{id => Id, media => media(El)}
            end;
        none ->
            none
    end.

media(#xmlel{children = Children}) ->
    Media = [fxml:get_tag_attr_s(<<"media">>, El)
             || #xmlel{name = <<"description">>} = El <- Children,
                fxml:get_tag_attr_s(<<"xmlns">>, El) =:= ?NS_JINGLE_RTP_1],
    lists:usort([M || M <- Media, M =:= <<"audio">> orelse M =:= <<"video">>]).

%% True where the body, if there is one, is a fallback text that must never be shown.
-spec is_encrypted(message()) -> boolean().
is_encrypted(Msg) ->
    omemo(Msg) =/= none
        orelse has(Msg, ?NS_ENCRYPTION_HINT, [<<"encryption">>])
        orelse has(Msg, ?NS_OPENPGP_LEGACY, [<<"x">>])
        orelse has(Msg, ?NS_OPENPGP, [<<"openpgp">>])
        orelse is_otr(Msg).

%% XEP-0364: there the body itself is what was encrypted.
is_otr(#message{body = Body}) ->
    case xmpp:get_text(Body) of
        <<"?OTR", _/binary>> -> true;
        _ -> false
    end.

%% A private message of a room's occupant: the sender's JID is the room's, the name is the
%% resource.
-spec is_muc_private(message()) -> boolean().
is_muc_private(#message{type = Type} = Msg) ->
    Type =/= groupchat andalso has(Msg, ?NS_MUC_USER, [<<"x">>]).

-spec omemo(message()) -> payload | key_transport | none.
omemo(#message{sub_els = Els}) ->
    Encrypted = [El || #xmlel{name = <<"encrypted">>} = El <- Els, is_omemo_ns(xmpp:get_ns(El))],
    case Encrypted of
        [] -> none;
        [El | _] ->
            case fxml:get_subtag(El, <<"payload">>) of
                #xmlel{} -> payload;
                false -> key_transport
            end
    end.

is_omemo_ns(?NS_OMEMO_AXOLOTL) -> true;
is_omemo_ns(<<?NS_OMEMO_PREFIX, _/binary>>) -> true;
is_omemo_ns(_) -> false.

has(Msg, NS, Names) ->
    find(Msg, NS, Names) =/= none.

%% Children are raw XML here, or records where a module of ejabberd put them; both answer to
%% get_ns and get_name.
find(#message{sub_els = []}, _NS, _Names) ->
    none;
find(#message{sub_els = Els}, NS, Names) ->
    Found = [El || El <- Els, xmpp:get_ns(El) =:= NS, lists:member(xmpp:get_name(El), Names)],
    case Found of
        [] -> none;
        [El | _] -> to_xml(El)
    end.

to_xml(#xmlel{} = El) -> El;
to_xml(El) -> xmpp:encode(El).
