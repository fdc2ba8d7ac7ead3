%% What a push may show: a message, the class the policy gave it and a privacy level become a
%% notification map in Apple's words, as apns_nif:notify/3 takes it. Pure: the key of the HMACs
%% and the time are given.
%%
%% none    Apple learns that something came, nothing about whom from or what.
%% sender  the sender's address as title.
%% body    the text too, unless it was encrypted or its sender marked it as not to be shown.
-module(push_content).

-export([notification/5, ids/5, stricter/2, levels/1, cut/2]).

-export_type([level/0, ids/0, form/0]).

-include("xmpp.hrl").

-define(NS_SPOILER, <<"urn:xmpp:spoiler:0">>).
-define(NS_EPHEMERAL, <<"urn:xmpp:ephemeral:0">>).

-define(NEW_MESSAGE, <<"New message">>).
-define(INCOMING_CALL, <<"Incoming call">>).

%% Seconds. Apple keeps a push for at most 30 days.
-define(MESSAGE_LIFETIME, 28 * 24 * 3600).
%% Seconds. A phone must not ring for a call that ended.
-define(CALL_LIFETIME, 30).
%% Bytes of JSON. Together with ids and custom fields they stay well below Apple's 4096.
-define(MAX_TEXT, 2048).
-define(MAX_TITLE, 256).
-define(MAX_CALL_ID, 128).
-define(ELLIPSIS, <<"\xe2\x80\xa6">>).

-type level() :: none | sender | body.
%% Ids say "the same conversation" and "the same message" without saying which: HMACs under the
%% server's key.
-type ids() :: #{thread_id := binary(), collapse_id := binary()}.
%% A call takes one of two forms: voip for PushKit tokens, alert for all others.
-type form() :: message | {call, voip | alert}.

-spec notification(form(), message(), level(), ids(), Now :: non_neg_integer()) -> map().
notification(message, Msg, Level, Ids, Now) ->
    maps:merge(alert(Ids, Now + ?MESSAGE_LIFETIME), text(Msg, Level));
notification({call, alert}, Msg, Level, Ids, Now) ->
    Alert = alert(Ids, Now + ?CALL_LIFETIME),
    Shown = case Level of
        none -> #{};
        _ -> #{title => title(Msg)}
    end,
    maps:merge(Alert#{body => ?INCOMING_CALL, interruption_level => time_sensitive,
                      custom => custom(Msg, Level)},
               Shown);
notification({call, voip}, Msg, Level, _Ids, Now) ->
    #{push_type => voip, priority => 10, expiration => Now + ?CALL_LIFETIME,
      custom => custom(Msg, Level)}.

%% mutable-content lets the app's notification service extension fetch and show what Apple may not
%% know.
alert(#{thread_id := ThreadId, collapse_id := CollapseId}, Expiration) ->
    #{push_type => alert, priority => 10, expiration => Expiration, thread_id => ThreadId,
      collapse_id => CollapseId, sound => <<"default">>, mutable_content => true}.

text(_Msg, none) ->
    #{body => ?NEW_MESSAGE};
text(Msg, sender) ->
    #{title => title(Msg), body => ?NEW_MESSAGE};
text(Msg, body) ->
    #{title => title(Msg), body => cut(body(Msg), ?MAX_TEXT)}.

%% A MUC/Sub message comes from room/nick: the room is the conversation, the nick belongs to the
%% text. A private message of an occupant shows the nick alone: the room's address is no name, the
%% real one is not ours to tell.
title(#message{from = undefined}) ->
    ?NEW_MESSAGE;
title(#message{from = From} = Msg) ->
    case push_policy:is_muc_private(Msg) of
        true when From#jid.resource =/= <<>> -> cut(From#jid.resource, ?MAX_TITLE);
        _ -> cut(bare(From), ?MAX_TITLE)
    end.

body(#message{body = Body, from = From, type = Type} = Msg) ->
    Text = xmpp:get_text(Body),
    case is_showable(Text, Msg) of
        false -> ?NEW_MESSAGE;
        true when Type =:= groupchat, From#jid.resource =/= <<>> ->
            <<(From#jid.resource)/binary, ": ", Text/binary>>;
        true -> Text
    end.

%% An aesgcm link, wherever it stands, holds the key of the file it names.
is_showable(<<>>, _) -> false;
is_showable(Text, #message{sub_els = Els} = Msg) ->
    binary:match(string:lowercase(Text), <<"aesgcm://">>) =:= nomatch
        andalso not push_policy:is_encrypted(Msg)
        andalso not lists:any(fun(El) ->
            NS = xmpp:get_ns(El),
            NS =:= ?NS_SPOILER orelse NS =:= ?NS_EPHEMERAL
        end, Els).

%% The call's id is what the app joins the call by, and what it knows a doubled push from.
custom(Msg, Level) ->
    #{id := Id, media := Media} = push_policy:call(Msg),
    Call = #{<<"id">> => cut(Id, ?MAX_CALL_ID), <<"media">> => Media},
    case {Level, Msg#message.from} of
        {none, _} -> #{<<"call">> => Call};
        {_, undefined} -> #{<<"call">> => Call};
        {_, From} -> #{<<"call">> => Call#{<<"from">> => cut(bare(From), ?MAX_TITLE)}}
    end.

%% Owner and peer are in both HMACs: two users of one server, or two conversations, never share an
%% id, and a sender cannot choose one that replaces somebody else's banner.
-spec ids(Key :: binary(), Owner :: binary(), message(), push_policy:class(),
          MessageKey :: binary()) -> ids().
ids(Key, Owner, Msg, Class, MessageKey) ->
    Peer = peer(Msg),
    Same = case {Class, push_policy:call(Msg)} of
        {call, #{id := Id}} -> Id;
        _ -> MessageKey
    end,
    Pads = pads(Key),
    #{thread_id => mac(Pads, [<<"thread">>, Owner, Peer]),
      collapse_id => mac(Pads, [<<"message">>, Owner, Peer, Same])}.

peer(#message{from = undefined}) -> <<>>;
peer(#message{from = From} = Msg) ->
    case push_policy:is_muc_private(Msg) of
        true -> jid:encode(jid:tolower(From));
        false -> bare(From)
    end.

%% HMAC-SHA256 (RFC 2104), 128 bits of it in hex: 32 bytes, Apple allows 64. No part but the last
%% may hold the separator: XMPP knows no NUL. By hand, because crypto:mac/4 looks the algorithm up
%% anew for each call, which with OpenSSL 3 takes longer than both hashes.
mac({Inner, Outer}, Parts) ->
    Hash = crypto:hash(sha256, [Inner | lists:join(<<0>>, Parts)]),
    <<Mac:16/binary, _/binary>> = crypto:hash(sha256, [Outer, Hash]),
    binary:encode_hex(Mac).

%% A key fills the hash's block of 64 bytes; a longer one, which ours is not, would be hashed
%% first.
pads(Key) when byte_size(Key) =< 64 ->
    Block = <<Key/binary, 0:((64 - byte_size(Key)) * 8)>>,
    {crypto:exor(Block, binary:copy(<<16#36>>, 64)),
     crypto:exor(Block, binary:copy(<<16#5c>>, 64))}.

bare(#jid{luser = U, lserver = S}) ->
    jid:encode({U, S, <<>>}).

%% The stricter of two levels wins: the operator's and the device's.
-spec stricter(level(), level()) -> level().
stricter(A, B) ->
    case rank(A) =< rank(B) of
        true -> A;
        false -> B
    end.

%% The levels that devices of a vhost can have in effect, the strictest first.
-spec levels(level()) -> [level(), ...].
levels(Max) ->
    [Level || Level <- [none, sender, body], rank(Level) =< rank(Max)].

rank(none) -> 0;
rank(sender) -> 1;
rank(body) -> 2.

%% Cuts at a character's end, counting what the text takes as JSON. What is not UTF-8 ends the
%% text.
-spec cut(binary(), pos_integer()) -> binary().
cut(Text, Max) ->
    case prefix(Text, Max, 0) of
        Size when Size =:= byte_size(Text) ->
            Text;
        _ ->
            Size = prefix(Text, Max - byte_size(?ELLIPSIS), 0),
            <<(binary:part(Text, 0, Size))/binary, ?ELLIPSIS/binary>>
    end.

%% The bytes of the longest prefix that takes at most Left bytes of JSON.
prefix(Text, Left, Size) ->
    case Text of
        <<_:Size/binary, C/utf8, _/binary>> ->
            case Left - json_size(C) of
                Less when Less >= 0 -> prefix(Text, Less, Size + utf8_size(C));
                _ -> Size
            end;
        _ ->
            Size
    end.

json_size(C) when C =:= $"; C =:= $\\; C =:= $\n; C =:= $\r; C =:= $\t; C =:= $\b; C =:= $\f -> 2;
json_size(C) when C < 16#20 -> 6;
json_size(C) -> utf8_size(C).

utf8_size(C) when C < 16#80 -> 1;
utf8_size(C) when C < 16#800 -> 2;
utf8_size(C) when C < 16#10000 -> 3;
utf8_size(_) -> 4.
