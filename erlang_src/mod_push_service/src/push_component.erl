%% The service as a component, for clients that look for one: Siskin and its kin ask each item of
%% the server's disco#items whether it is a push service for Apple's devices, and register there
%% (Tigase's commands register-device and unregister-device).
%%
%% Only vhosts with an app for such clients have it, since it is found by all of them: by those
%% from the App Store too, whose vendor alone can push to them. One process owns the routes; what
%% is sent to them is handled by whoever sends it.
-module(push_component).

-behaviour(gen_server).

-export([start_link/0, set_host/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
%% For ejabberd: the route, and the IQ handlers
-export([route/1, disco_info/1, disco_items/1, command/1]).

-include("logger.hrl").
-include("xmpp.hrl").
-include("translate.hrl").

-define(PROVIDER, <<"tigase:messenger:apns:1">>).
%% Milliseconds that a vhost's start waits.
-define(CALL_TIMEOUT, 10000).

-type routes() :: #{Host :: binary() => Service :: binary()}.

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% The vhost has the component as of now, or has it not.
-spec set_host(Host :: binary(), {component, Service :: binary()} | none) -> ok.
set_host(Host, Wanted) ->
    gen_server:call(?MODULE, {set_host, Host, Wanted}, ?CALL_TIMEOUT).

%%% The process

-spec init([]) -> {ok, routes()}.
init([]) ->
    process_flag(trap_exit, true),
    {ok, lists:foldl(fun change/2, #{}, [{Host, {component, Service}}
                                         || {Host, #{service := Service, tigase := App}}
                                                <- push_settings:hosts(), App =/= none])}.

-spec handle_call(term(), gen_server:from(), routes()) -> {reply, ok, routes()}.
handle_call({set_host, Host, Wanted}, _From, Routes) ->
    {reply, ok, change({Host, Wanted}, Routes)};
handle_call(_Request, _From, Routes) ->
    {reply, ok, unexpected("call", Routes)}.

-spec handle_cast(term(), routes()) -> {noreply, routes()}.
handle_cast(_Msg, Routes) ->
    {noreply, unexpected("cast", Routes)}.

%% From a node that has no such route itself, or not yet.
-spec handle_info(term(), routes()) -> {noreply, routes()}.
handle_info({route, Packet}, Routes) ->
    ok = route(Packet),
    {noreply, Routes};
handle_info(_Info, Routes) ->
    {noreply, unexpected("message", Routes)}.

%% What it is may hold a stanza, and with it a device token.
unexpected(What, Routes) ->
    ?WARNING_MSG("Unexpected ~s", [What]),
    Routes.

-spec terminate(term(), routes()) -> ok.
terminate(_Reason, Routes) ->
    lists:foreach(fun remove/1, lists:usort(maps:values(Routes))).

%% Vhosts may share a service: it is registered once, for one of them.
change({Host, {component, Service}}, Routes) when map_get(Host, Routes) =:= Service ->
    Routes;
change({Host, Wanted}, Routes) when is_map_key(Host, Routes) ->
    #{Host := Service} = Routes,
    Others = maps:remove(Host, Routes),
    ok = remove(Service),
    case [Other || {Other, Shared} <- maps:to_list(Others), Shared =:= Service] of
        [Other | _] -> add(Other, Service);
        [] -> ok
    end,
    change({Host, Wanted}, Others);
change({Host, {component, Service}}, Routes) ->
    case lists:member(Service, maps:values(Routes)) of
        true -> ok;
        false -> add(Host, Service)
    end,
    Routes#{Host => Service};
change({_Host, none}, Routes) ->
    Routes.

add(Host, Service) ->
    lists:foreach(fun({NS, Function}) ->
        gen_iq_handler:add_iq_handler(ejabberd_local, Service, NS, ?MODULE, Function)
    end, handlers()),
    ejabberd_router:register_route(Service, Host, {apply, ?MODULE, route}).

remove(Service) ->
    ejabberd_router:unregister_route(Service),
    lists:foreach(fun({NS, _}) ->
        gen_iq_handler:remove_iq_handler(ejabberd_local, Service, NS)
    end, handlers()).

handlers() ->
    [{?NS_DISCO_INFO, disco_info}, {?NS_DISCO_ITEMS, disco_items}, {?NS_COMMANDS, command}].

%%% Requests

-spec route(stanza()) -> ok.
route(#iq{} = IQ) -> ejabberd_router:process_iq(IQ);
route(_) -> ok.

-spec disco_info(iq()) -> iq().
disco_info(#iq{type = set} = IQ) ->
    not_allowed(IQ);
disco_info(#iq{sub_els = [#disco_info{node = <<>>}]} = IQ) ->
    Identity = #identity{category = <<"pubsub">>, type = <<"push">>,
                         name = <<"Apple push notifications">>},
    Features = [?NS_DISCO_INFO, ?NS_DISCO_ITEMS, ?NS_COMMANDS, ?NS_PUSH_0, ?PROVIDER],
    xmpp:make_iq_result(IQ, #disco_info{identities = [Identity], features = Features});
disco_info(#iq{sub_els = [#disco_info{node = Node}], lang = Lang} = IQ) ->
    case lists:keyfind(Node, 1, commands()) of
        {_, Name} ->
            Identity = #identity{category = <<"automation">>, type = <<"command-node">>,
                                 name = translate:translate(Lang, Name)},
            xmpp:make_iq_result(IQ, #disco_info{node = Node, identities = [Identity],
                                                features = [?NS_COMMANDS, ?NS_XDATA]});
        false ->
            no_such_node(IQ)
    end.

-spec disco_items(iq()) -> iq().
disco_items(#iq{type = set} = IQ) ->
    not_allowed(IQ);
disco_items(#iq{sub_els = [#disco_items{node = <<>>}]} = IQ) ->
    xmpp:make_iq_result(IQ, #disco_items{});
disco_items(#iq{sub_els = [#disco_items{node = ?NS_COMMANDS}], to = To, lang = Lang} = IQ) ->
    Items = [#disco_item{jid = To, node = Node, name = translate:translate(Lang, Name)}
             || {Node, Name} <- commands()],
    xmpp:make_iq_result(IQ, #disco_items{node = ?NS_COMMANDS, items = Items});
disco_items(IQ) ->
    no_such_node(IQ).

commands() ->
    [{<<"register-device">>, ?T("Register an Apple device for push notifications")},
     {<<"unregister-device">>, ?T("Unregister devices from push notifications")}].

-spec command(iq()) -> iq().
command(#iq{type = set, sub_els = [#adhoc_command{} = Request], from = From, to = To} = IQ) ->
    Answer = push_service_hooks:request("Push command", fun() -> run(From, To, Request) end),
    case Answer of
        {error, Error} ->
            xmpp:make_error(IQ, Error);
        {Change, Devices, Reply} ->
            ok = push_sessions:change(From, Change, Devices),
            xmpp:make_iq_result(IQ, Reply)
    end;
command(IQ) ->
    not_allowed(IQ).

%% Each vhost's users have devices at their own vhost's service.
run(#jid{lserver = Host} = From, #jid{lserver = Service}, Request) ->
    case push_settings:get(Host) of
        {ok, #{service := Service, tigase := App} = Settings} when App =/= none ->
            push_adhoc:device_command(From, Request, Settings);
        _ ->
            push_adhoc:foreign(Request)
    end.

not_allowed(#iq{type = Type, lang = Lang} = IQ) ->
    Text = case Type of
        set -> ?T("Value 'set' of 'type' attribute is not allowed");
        get -> ?T("Value 'get' of 'type' attribute is not allowed")
    end,
    xmpp:make_error(IQ, xmpp:err_not_allowed(Text, Lang)).

no_such_node(#iq{lang = Lang} = IQ) ->
    xmpp:make_error(IQ, xmpp:err_item_not_found(?T("Node not found"), Lang)).
