%% How clients register and unregister their devices: XEP-0357's <enable/> and <disable/> for our
%% service's jid, the Business Edition's <push/> and <disable/>, and what push_adhoc reads from
%% commands. Each dialect becomes one of three actions on push_devices; each refusal is a stanza
%% error with a sentence.
-module(push_registration).

-export([enable/4, disable/4, p1_push/3, p1_disable/1]).
%% For push_adhoc
-export([register/4, register_phone/3, unregister/2, unregister_wanted/2, unregister_session/1,
         owned/2, refused/1]).
%% For push_commands
-export([device/3, is_meant/2, datetime/1]).

-export_type([answer/1]).

-include("xmpp.hrl").
-include("translate.hrl").

%% Longest <enable/> node: a device token in hex.
-define(MAX_NODE, 200).
%% Devices named in one unregistration.
-define(MAX_WANTED, 100).

-type answer(T) :: {ok, T} | {error, stanza_error()}.

%%% XEP-0357

%% The answer names the phone's devices, for the session to be bound to them.
-spec enable(jid(), Node :: binary(), #xmlel{}, push_settings:settings()) ->
    answer([push_devices:device(), ...]).
enable(From, Node, El, Settings) ->
    case form(El) of
        {ok, Form} when byte_size(Node) =< ?MAX_NODE ->
            Fields = push_form:fields(Form),
            case {Node, Fields} of
                {<<"d-", _/binary>>, _} -> enable_known(From, Node, Fields, Settings);
                _ -> register(From, Fields, Node, Settings)
            end;
        {ok, _} ->
            {error, xmpp:err_not_acceptable(?T("The node is too long"), <<>>)};
        {error, _} = Error ->
            Error
    end.

%% The node that a registration gave: the phone is there already, with what was said then.
enable_known(#jid{luser = U, lserver = S} = From, Node, Fields, Settings) ->
    MacKey = push_settings:mac_key(S),
    Secret = push_devices:secret(MacKey, {U, S}, Node),
    case {secret(Fields), owned(From, [{node, Node}, {phone, Node}])} of
        {Given, {ok, [_ | _] = Devices}} when Given =:= none; Given =:= Secret ->
            {Named, Others} = lists:partition(
                fun(Device) -> push_devices:node(MacKey, Device) =:= Node end, Devices),
            Changes = maps:without([<<"token">>, <<"app">>], Fields),
            renew(From, Named, Others, Changes, Settings);
        {_, {ok, [_ | _]}} ->
            {error, xmpp:err_forbidden(?T("The secret does not fit the node"), <<>>)};
        {_, {ok, []}} ->
            {error, xmpp:err_item_not_found(
                ?T("You have no device with this node: register it first"), <<>>)};
        {_, {error, _} = Error} ->
            Error
    end.

%% With what the form changes. Its kind and its PushKit token are of the device that is named.
renew(From, [Named], Others, #{<<"voip_token">> := _} = Changes, Settings) when Others =/= [] ->
    renew(From, [Named], [], Changes, Settings);
renew(From, Named, Others, Changes, #{apps := Apps}) ->
    Shared = case Others of
        [] -> Changes;
        _ -> maps:remove(<<"kind">>, Changes)
    end,
    Renewals = [{maps:get(node, D), maps:merge(push_form:fields_of(D), Shared)}
                || D <- Named ++ Others],
    Read = [{Node, push_form:registrations(Form, Node, Apps)} || {Node, Form} <- Renewals],
    case [Error || {_, {error, Error}} <- Read] of
        [] ->
            store_phone(From, lists:append([phone(From, Node, R) || {Node, {ok, R}} <- Read]));
        [Error | _] ->
            refused(Error)
    end.

secret(#{<<"secret">> := [Secret]}) -> Secret;
secret(_) -> none.

%% Without a node all of the account's devices are meant (XEP-0357, section 6).
-spec disable(jid(), Node :: binary(), #xmlel{}, push_settings:settings()) ->
    answer([push_devices:device()]).
disable(From, <<>>, _El, _Settings) ->
    unregister_all(From, fun(_) -> true end);
disable(From, Node, _El, _Settings) ->
    Wanted = case push_form:token(Node) of
        {ok, Token} -> [{token, Token}];
        error -> []
    end,
    unregister_wanted(From, [{node, Node} | Wanted]).

form(#xmlel{children = Children}) ->
    case [El || #xmlel{name = <<"x">>} = El <- Children, xmpp:get_ns(El) =:= ?NS_XDATA] of
        [] -> {ok, undefined};
        [X | _] ->
            try xmpp:decode(X) of
                #xdata{type = cancel} ->
                    {error, xmpp:err_bad_request(?T("The form is canceled"), <<>>)};
                #xdata{} = Form ->
                    {ok, Form}
            catch
                error:{xmpp_codec, Why} ->
                    {error, xmpp:err_bad_request(xmpp:io_format_error(Why), <<>>)}
            end
    end.

%%% p1:push

-spec p1_push(jid(), #xmlel{}, push_settings:settings()) ->
    answer([push_devices:device(), ...]).
p1_push(From, El, Settings) ->
    case push_p1:fields(El) of
        {ok, Fields} -> register(From, Fields, <<>>, Settings);
        {error, Error} -> refused(Error)
    end.

%% It names no device: those of this session are meant.
-spec p1_disable(jid()) -> answer([push_devices:device()]).
p1_disable(From) ->
    unregister_session(From).

%% RFC 3339, in UTC.
-spec datetime(UnixMs :: non_neg_integer()) -> binary().
datetime(Ms) ->
    list_to_binary(calendar:system_time_to_rfc3339(Ms div 1000, [{offset, "Z"}])).

%%% The three actions

%% The phone's devices, the one that its answer names first. Node: what <enable/> gave, or <<>>.
-spec register(jid(), push_form:fields(), Node :: binary(), push_settings:settings()) ->
    answer([push_devices:device(), ...]).
register(From, Fields, Node, #{apps := Apps}) ->
    case push_form:registrations(Fields, Node, Apps) of
        {ok, Registrations} -> store_phone(From, phone(From, Node, Registrations));
        {error, Error} -> refused(Error)
    end.

store_phone(From, Devices) ->
    case store_all(From, Devices) of
        ok -> {ok, Devices};
        {error, _} = Error -> Error
    end.

%% Both tokens of a phone have the same id, so that a call rings once, and the same node, so that
%% what ends one ends the other.
phone(From, Node, [Registration]) ->
    [device(From, Node, Registration)];
phone(#jid{lserver = Host} = From, Node, [Alert, Voip]) ->
    Own = push_devices:node(push_settings:mac_key(Host), Alert),
    Id = first_given([maps:get(device_id, Alert), Own]),
    [device(From, Node, Alert#{device_id := Id}),
     device(From, first_given([Node, Own]), Voip#{device_id := Id})].

first_given([<<>> | Rest]) -> first_given(Rest);
first_given([Given | _]) -> Given.

%% A phone's two tokens. The first one's node is both devices' id. Should the database fail between
%% them, the client is told of a failure, and its next try renews the first.
-spec register_phone(jid(), push_form:fields(), push_settings:settings()) ->
    {ok, Node :: binary(), [push_devices:device(), ...]} | {error, stanza_error()}.
register_phone(From, Fields, #{apps := Apps, tigase := App}) ->
    MacKey = push_settings:mac_key(From#jid.lserver),
    case push_tigase:registrations(Fields, App, Apps, MacKey) of
        {ok, Node, Registrations} ->
            case store_phone(From, [device(From, <<>>, R) || R <- Registrations]) of
                {ok, Devices} -> {ok, Node, Devices};
                {error, _} = Error -> Error
            end;
        {error, Error} ->
            refused(Error)
    end.

-spec device(jid(), Node :: binary(), push_form:registration()) -> push_devices:device().
device(#jid{luser = U, lserver = S} = From, Node, Registration) ->
    maps:merge(Registration#{us => {U, S}, node => Node,
                             registered_at => erlang:system_time(millisecond)},
               push_sessions:binding(push_sessions:session(From))).

store_all(From, Devices) ->
    in_time(From, length(Devices), fun() -> store_each(Devices) end).

store_each([]) ->
    ok;
store_each([Device | Devices]) ->
    case push_devices:register(Device) of
        ok -> store_each(Devices);
        {error, db_failure} -> database_failure()
    end.

%% Changes of the account's devices cost a transaction each, whether they find something or not.
in_time(#jid{luser = U, lserver = S}, Count, Change) ->
    case push_rate:allowed({U, S}, erlang:system_time(second), Count) of
        true ->
            Change();
        false ->
            ok = push_counters:add(too_many_registrations),
            {error, xmpp:err_resource_constraint(
                ?T("Too many registrations of this account: try again in a minute"), <<>>)}
    end.

-spec refused(push_form:form_error()) -> {error, stanza_error()}.
refused({bad_request, Sentence}) -> {error, xmpp:err_bad_request(Sentence, <<>>)};
refused({item_not_found, Sentence}) -> {error, xmpp:err_item_not_found(Sentence, <<>>)};
refused({not_acceptable, Sentence}) -> {error, xmpp:err_not_acceptable(Sentence, <<>>)}.

-spec unregister_wanted(jid(), [{node | token | device_id, binary()}]) ->
    answer([push_devices:device()]).
unregister_wanted(From, Wanted) when length(Wanted) =< ?MAX_WANTED ->
    unregister(From, is_meant(From#jid.lserver, Wanted));
unregister_wanted(_From, _Wanted) ->
    {error, xmpp:err_not_acceptable(?T("Too many devices at once"), <<>>)}.

%% Whether a device of the vhost is one of those that somebody named.
-spec is_meant(Host :: binary(), [{node | token | device_id, binary()}]) ->
    fun((push_devices:device()) -> boolean()).
is_meant(Host, Wanted) ->
    MacKey = push_settings:mac_key(Host),
    %% Both devices of a phone of Tigase's dialect have the first one's node as id.
    All = Wanted ++ [{phone, Node} || {node, <<"d-", _/binary>> = Node} <- Wanted],
    fun(Device) -> is_wanted(Device, All, MacKey) end.

%% Who names a device has to be told that it is not there.
-spec unregister(jid(), fun((push_devices:device()) -> boolean())) ->
    answer([push_devices:device(), ...]).
unregister(From, Condition) ->
    case unregister_all(From, Condition) of
        {ok, []} -> {error, xmpp:err_item_not_found(?T("You have no such device"), <<>>)};
        Answer -> Answer
    end.

-spec unregister_session(jid()) -> answer([push_devices:device()]).
unregister_session(From) ->
    Session = push_sessions:session(From),
    unregister_all(From, fun(Device) -> push_sessions:is_bound(Device, Session) end).

%% Who means all there are has what he wants when there is none.
unregister_all(From, Condition) ->
    in_time(From, 1, fun() -> remove(From, Condition) end).

remove(#jid{luser = U, lserver = S}, Condition) ->
    case push_devices:unregister({U, S}, Condition, <<"its client unregistered it">>) of
        {ok, Gone} -> {ok, Gone};
        {error, db_failure} -> database_failure()
    end.

-spec owned(jid(), any | [{node | phone, binary()}]) -> answer([push_devices:device()]).
owned(#jid{luser = U, lserver = S}, Wanted) ->
    case push_devices:list({U, S}) of
        {ok, Devices} when Wanted =:= any -> {ok, Devices};
        {ok, Devices} ->
            MacKey = push_settings:mac_key(S),
            {ok, [D || D <- Devices, is_wanted(D, Wanted, MacKey)]};
        {error, db_failure} -> database_failure()
    end.

is_wanted(#{token := Token, device_id := Id, node := Node} = Device, Wanted, MacKey) ->
    lists:member({token, Token}, Wanted)
        orelse is_named_by_token(Node, Wanted)
        orelse lists:member({node, push_devices:node(MacKey, Device)}, Wanted)
        orelse (Node =/= <<>> andalso lists:member({node, Node}, Wanted))
        orelse (Id =/= <<>> andalso lists:member({device_id, Id}, Wanted))
        orelse (Id =/= <<>> andalso lists:member({phone, Id}, Wanted)).

%% <enable/> gave one token as node and the other in its form.
is_named_by_token(<<>>, _Wanted) -> false;
is_named_by_token(Node, Wanted) ->
    case push_form:token(Node) of
        {ok, Token} -> lists:member({token, Token}, Wanted);
        error -> false
    end.

database_failure() ->
    {error, xmpp:err_internal_server_error(?T("Database failure"), <<>>)}.
