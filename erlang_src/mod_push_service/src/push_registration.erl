%% How clients register, unregister and list their devices: XEP-0357's <enable/> and <disable/>
%% for our service's jid, the Business Edition's <push/> and <disable/>, and ad-hoc commands
%% (XEP-0050) on the vhost and on the service's component. Each dialect becomes one of three
%% actions on push_devices; each refusal is a stanza error with a sentence.
-module(push_registration).

-export([enable/4, disable/4, p1_push/3, p1_disable/1, command/4, command_nodes/0,
         device_command/3, foreign/1]).
%% For push_commands
-export([device/3, is_meant/2, datetime/1]).

-include("xmpp.hrl").
-include("translate.hrl").

-define(REGISTER, <<"register-push-apns">>).
-define(REGISTER_H2, <<"register-push-apns-h2">>).
-define(UNREGISTER, <<"unregister-push">>).
-define(LIST, <<"list-push-registrations">>).

%% Longest <enable/> node: a device token in hex.
-define(MAX_NODE, 200).
%% Devices named in one unregistration.
-define(MAX_WANTED, 100).

-type answer(T) :: {ok, T} | {error, stanza_error()}.

%%% XEP-0357

%% The answer names the device, for the session to be bound to it.
-spec enable(jid(), Node :: binary(), #xmlel{}, push_settings:settings()) ->
    answer(push_devices:device()).
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

%% The node that an ad-hoc registration gave: the device is there already, with what was said then.
enable_known(#jid{luser = U, lserver = S} = From, Node, Fields, Settings) ->
    MacKey = push_settings:mac_key(S),
    Secret = push_devices:secret(MacKey, {U, S}, Node),
    case {secret(Fields), owned(From, [{node, Node}])} of
        {Given, {ok, [Device]}} when Given =:= none; Given =:= Secret ->
            Changes = maps:without([<<"token">>, <<"app">>], Fields),
            register(From, maps:merge(push_form:fields_of(Device), Changes),
                     maps:get(node, Device), Settings);
        {_, {ok, [_]}} ->
            {error, xmpp:err_forbidden(?T("The secret does not fit the node"), <<>>)};
        {_, {ok, []}} ->
            {error, xmpp:err_item_not_found(
                ?T("You have no device with this node: register it first"), <<>>)};
        {_, {error, _} = Error} ->
            Error
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

-spec p1_push(jid(), #xmlel{}, push_settings:settings()) -> answer(push_devices:device()).
p1_push(From, El, Settings) ->
    case push_p1:fields(El) of
        {ok, Fields} -> register(From, Fields, <<>>, Settings);
        {error, Error} -> refused(Error)
    end.

%% It names no device: those of this session are meant.
-spec p1_disable(jid()) -> answer([push_devices:device()]).
p1_disable(From) ->
    unregister_session(From).

%%% Ad-hoc commands

-spec command_nodes() -> [{Node :: binary(), Name :: binary()}].
command_nodes() ->
    [{?REGISTER, ?T("Register an Apple device for push notifications")},
     {?UNREGISTER, ?T("Unregister devices from push notifications")},
     {?LIST, ?T("List devices registered for push notifications")}].

%% not_ours: another module's command. Devices: what the session is to be bound to, or loosened
%% from.
-spec command(jid(), jid(), #adhoc_command{}, push_settings:settings()) ->
    not_ours
    | {bind | unbind, [push_devices:device()], #adhoc_command{}}
    | {error, stanza_error()}.
command(From, To, #adhoc_command{node = Node} = Request, Settings) ->
    case action(Node) of
        not_ours -> not_ours;
        Action -> allowed(Action, From, To#jid.lserver, Request, Settings)
    end.

%% Tigase's commands, which go to the service's own jid.
-spec device_command(jid(), #adhoc_command{}, push_settings:settings()) ->
    {bind | unbind, [push_devices:device()], #adhoc_command{}}
    | {error, stanza_error()}.
device_command(#jid{lserver = Host} = From, #adhoc_command{node = <<"register-device">>} = Request,
               Settings) ->
    allowed(register_device, From, Host, Request, Settings);
device_command(#jid{lserver = Host} = From,
               #adhoc_command{node = <<"unregister-device">>} = Request, Settings) ->
    allowed(unregister_device, From, Host, Request, Settings);
device_command(_From, #adhoc_command{lang = Lang}, _Settings) ->
    {error, xmpp:err_item_not_found(
        ?T("The commands here are register-device and unregister-device"), Lang)}.

action(?REGISTER) -> register;
action(?REGISTER_H2) -> register;
action(?UNREGISTER) -> unregister;
action(<<"unregister-push-apns">>) -> unregister;
action(?LIST) -> list;
action(_) -> not_ours.

allowed(_, #jid{luser = U, lserver = S}, Host, Request, _) when U =:= <<>>; S =/= Host ->
    foreign(Request);
allowed(_, _, _, #adhoc_command{action = cancel} = Request, _) ->
    {bind, [], reply(Request, canceled, undefined)};
allowed(_, _, _, #adhoc_command{action = Action, lang = Lang}, _)
  when Action =/= execute, Action =/= complete ->
    {error, xmpp:err_bad_request(
        ?T("The command has one step: execute, complete or cancel it"), Lang)};
allowed(Action, From, _, Request, Settings) ->
    run(Action, From, Request, Settings).

run(register, _, #adhoc_command{xdata = undefined} = Request, #{apps := Apps}) ->
    {bind, [], reply(Request, executing, blank_form(maps:keys(Apps)))};
run(register, From, #adhoc_command{xdata = Form} = Request, Settings) ->
    Fields = push_form:fields(Form),
    case register(From, Fields, <<>>, Settings) of
        {ok, Device} ->
            {bind, [Device], reply(Request, completed, registered_form(Device, Settings))};
        {error, Error} -> {error, Error}
    end;
run(unregister, From, #adhoc_command{xdata = Form} = Request, _) ->
    Fields = push_form:fields(Form),
    Result = case push_form:wanted(Fields) of
        [] ->
            case push_form:says_nothing(Fields) of
                true -> unregister_session(From);
                false -> refused({bad_request, <<"The form names no device: its fields are node, "
                                                 "nodes, token and device-id">>})
            end;
        Wanted ->
            unregister_wanted(From, Wanted)
    end,
    case Result of
        {ok, Gone} -> {unbind, Gone, reply(Request, completed, undefined)};
        {error, Error} -> {error, Error}
    end;
run(list, From, Request, _) ->
    case owned(From, any) of
        {ok, Devices} ->
            {bind, [], reply(Request, completed, list_form(From#jid.lserver, Devices))};
        {error, Error} -> {error, Error}
    end;
run(register_device, From, #adhoc_command{xdata = Form} = Request, Settings) ->
    case register_phone(From, push_form:fields(Form), Settings) of
        {ok, Node, Devices} ->
            Answer = #xdata{type = result, fields = [text(<<"node">>, Node)]},
            {bind, Devices, reply(Request, completed, Answer)};
        {error, Error} -> {error, Error}
    end;
run(unregister_device, From, #adhoc_command{xdata = Form} = Request, #{tigase := App}) ->
    case push_tigase:device(push_form:fields(Form), App,
                            push_settings:mac_key(From#jid.lserver)) of
        {ok, Node} ->
            case unregister(From, fun(#{device_id := Id}) -> Id =:= Node end) of
                {ok, Gone} -> {unbind, Gone, reply(Request, completed, undefined)};
                {error, Error} -> {error, Error}
            end;
        {error, Error} -> refused(Error)
    end.

-spec foreign(#adhoc_command{}) -> {error, stanza_error()}.
foreign(#adhoc_command{lang = Lang}) ->
    {error, xmpp:err_forbidden(?T("Only this server's own users have devices here"), Lang)}.

reply(Request, Status, Form) ->
    xmpp_util:make_adhoc_response(Request, #adhoc_command{status = Status, xdata = Form}).

blank_form(Apps) ->
    #xdata{type = form, title = <<"Register a device">>, fields =
        [#xdata_field{var = <<"token">>, type = 'text-single', required = true,
                      label = <<"Device token, hex or base64">>},
         #xdata_field{var = <<"app">>, type = 'list-single', label = <<"App">>,
                      options = [#xdata_option{value = App} || App <- lists:sort(Apps)]},
         #xdata_field{var = <<"device-id">>, type = 'text-single', label = <<"Device">>},
         #xdata_field{var = <<"device-name">>, type = 'text-single', label = <<"Its name">>},
         #xdata_field{var = <<"remove-on-logout">>, type = boolean, values = [<<"false">>],
                      label = <<"Remove when I log out">>}]}.

%% What the client puts into <enable/>, should it want to; pushes go out without.
registered_form(#{us := {_, Host} = US} = Device, #{service := Service}) ->
    MacKey = push_settings:mac_key(Host),
    Node = push_devices:node(MacKey, Device),
    #xdata{type = result, fields =
        [text(<<"jid">>, Service), text(<<"node">>, Node),
         text(<<"secret">>, push_devices:secret(MacKey, US, Node))]}.

list_form(Host, Devices) ->
    MacKey = push_settings:mac_key(Host),
    Vars = [<<"device-name">>, <<"node">>, <<"app">>, <<"kind">>, <<"device-id">>,
            <<"registered">>],
    #xdata{type = result,
           reported = [#xdata_field{var = Var, type = 'text-single'} || Var <- Vars],
           items = [[text(<<"device-name">>, maps:get(name, D)),
                     text(<<"node">>, push_devices:node(MacKey, D)),
                     text(<<"app">>, maps:get(app, D)),
                     text(<<"kind">>, atom_to_binary(maps:get(kind, D))),
                     text(<<"device-id">>, maps:get(device_id, D)),
                     text(<<"registered">>, datetime(maps:get(registered_at, D)))]
                    || D <- Devices]}.

text(Var, Value) ->
    #xdata_field{var = Var, values = [Value]}.

%% RFC 3339, in UTC.
-spec datetime(UnixMs :: non_neg_integer()) -> binary().
datetime(Ms) ->
    list_to_binary(calendar:system_time_to_rfc3339(Ms div 1000, [{offset, "Z"}])).

%%% The three actions

register(From, Fields, Node, #{apps := Apps}) ->
    case push_form:registration(Fields, Node, Apps) of
        {ok, Registration} ->
            Device = device(From, Node, Registration),
            case store_all(From, [Device]) of
                ok -> {ok, Device};
                {error, _} = Error -> Error
            end;
        {error, Error} ->
            refused(Error)
    end.

%% A phone's two tokens. The first one's node is both devices' id. Should the database fail between
%% them, the client is told of a failure, and its next try renews the first.
register_phone(From, Fields, #{apps := Apps, tigase := App}) ->
    MacKey = push_settings:mac_key(From#jid.lserver),
    case push_tigase:registrations(Fields, App, Apps, MacKey) of
        {ok, Node, Registrations} ->
            Devices = [device(From, <<>>, R) || R <- Registrations],
            case store_all(From, Devices) of
                ok -> {ok, Node, Devices};
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

refused({bad_request, Sentence}) -> {error, xmpp:err_bad_request(Sentence, <<>>)};
refused({item_not_found, Sentence}) -> {error, xmpp:err_item_not_found(Sentence, <<>>)};
refused({not_acceptable, Sentence}) -> {error, xmpp:err_not_acceptable(Sentence, <<>>)}.

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
unregister(From, Condition) ->
    case unregister_all(From, Condition) of
        {ok, []} -> {error, xmpp:err_item_not_found(?T("You have no such device"), <<>>)};
        Answer -> Answer
    end.

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
        orelse lists:member({node, push_devices:node(MacKey, Device)}, Wanted)
        orelse (Node =/= <<>> andalso lists:member({node, Node}, Wanted))
        orelse (Id =/= <<>> andalso lists:member({device_id, Id}, Wanted))
        orelse (Id =/= <<>> andalso lists:member({phone, Id}, Wanted)).

database_failure() ->
    {error, xmpp:err_internal_server_error(?T("Database failure"), <<>>)}.
