%% How clients register, unregister and list their devices by ad-hoc commands (XEP-0050), on the
%% vhost and on the service's component.
-module(push_adhoc).

-export([command/4, command_nodes/0, device_command/3, foreign/1]).

-include("xmpp.hrl").
-include("translate.hrl").

-define(REGISTER, <<"register-push-apns">>).
-define(REGISTER_H2, <<"register-push-apns-h2">>).
-define(UNREGISTER, <<"unregister-push">>).
-define(LIST, <<"list-push-registrations">>).

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
    case push_registration:register(From, Fields, <<>>, Settings) of
        {ok, [Device | _] = Devices} ->
            {bind, Devices, reply(Request, completed, registered_form(Device, Settings))};
        {error, Error} -> {error, Error}
    end;
run(unregister, From, #adhoc_command{xdata = Form} = Request, _) ->
    Fields = push_form:fields(Form),
    Result = case push_form:wanted(Fields) of
        [] ->
            case push_form:says_nothing(Fields) of
                true -> push_registration:unregister_session(From);
                false -> push_registration:refused(
                    {bad_request, <<"The form names no device: its fields are node, nodes, token "
                                    "and device-id">>})
            end;
        Wanted ->
            push_registration:unregister_wanted(From, Wanted)
    end,
    case Result of
        {ok, Gone} -> {unbind, Gone, reply(Request, completed, undefined)};
        {error, Error} -> {error, Error}
    end;
run(list, From, Request, _) ->
    case push_registration:owned(From, any) of
        {ok, Devices} ->
            {bind, [], reply(Request, completed, list_form(From#jid.lserver, Devices))};
        {error, Error} -> {error, Error}
    end;
run(register_device, From, #adhoc_command{xdata = Form} = Request, Settings) ->
    case push_registration:register_phone(From, push_form:fields(Form), Settings) of
        {ok, Node, Devices} ->
            Answer = #xdata{type = result, fields = [text(<<"node">>, Node)]},
            {bind, Devices, reply(Request, completed, Answer)};
        {error, Error} -> {error, Error}
    end;
run(unregister_device, From, #adhoc_command{xdata = Form} = Request, #{tigase := App}) ->
    case push_tigase:device(push_form:fields(Form), App,
                            push_settings:mac_key(From#jid.lserver)) of
        {ok, Node} ->
            case push_registration:unregister(From, fun(#{device_id := Id}) -> Id =:= Node end) of
                {ok, Gone} -> {unbind, Gone, reply(Request, completed, undefined)};
                {error, Error} -> {error, Error}
            end;
        {error, Error} -> push_registration:refused(Error)
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
         #xdata_field{var = <<"voip-token">>, type = 'text-single',
                      label = <<"PushKit token of the same phone">>},
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
                     text(<<"registered">>, registered(D))]
                    || D <- Devices]}.

text(Var, Value) ->
    #xdata_field{var = Var, values = [Value]}.

registered(#{registered_at := At}) ->
    push_registration:datetime(At).
