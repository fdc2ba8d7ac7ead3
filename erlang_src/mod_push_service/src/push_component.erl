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
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
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
    {ok, maps:from_list([{Host, add(Host, Service)}
                         || {Host, #{service := Service, tigase := App}} <- push_settings:hosts(),
                            App =/= none])}.

-spec handle_call(term(), gen_server:from(), routes()) -> {reply, ok, routes()}.
handle_call({set_host, Host, Wanted}, _From, Routes) ->
    {reply, ok, change(Host, maps:find(Host, Routes), Wanted, Routes)};
handle_call(Request, _From, Routes) ->
    ?WARNING_MSG("Unexpected call: ~p", [Request]),
    {reply, ok, Routes}.

-spec handle_cast(term(), routes()) -> {noreply, routes()}.
handle_cast(Msg, Routes) ->
    ?WARNING_MSG("Unexpected cast: ~p", [Msg]),
    {noreply, Routes}.

-spec handle_info(term(), routes()) -> {noreply, routes()}.
handle_info(Info, Routes) ->
    ?WARNING_MSG("Unexpected message: ~p", [Info]),
    {noreply, Routes}.

change(_Host, {ok, Service}, {component, Service}, Routes) ->
    Routes;
change(Host, {ok, Former}, Wanted, Routes) ->
    ok = remove(Former),
    change(Host, error, Wanted, maps:remove(Host, Routes));
change(Host, error, {component, Service}, Routes) ->
    Routes#{Host => add(Host, Service)};
change(_Host, error, none, Routes) ->
    Routes.

add(Host, Service) ->
    lists:foreach(fun({NS, Function}) ->
        gen_iq_handler:add_iq_handler(ejabberd_local, Service, NS, ?MODULE, Function)
    end, handlers()),
    ejabberd_router:register_route(Service, Host, {apply, ?MODULE, route}),
    Service.

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
    Answer = push_service_hooks:request("Push command", fun() ->
        #jid{lserver = Service} = To,
        Host = ejabberd_router:host_of_route(Service),
        {ok, Settings} = push_settings:get(Host),
        push_registration:device_command(From, Host, Request, Settings)
    end),
    case Answer of
        {error, Error} ->
            xmpp:make_error(IQ, Error);
        {Change, Devices, Reply} ->
            ok = push_sessions:change(From, Change, Devices),
            xmpp:make_iq_result(IQ, Reply)
    end;
command(IQ) ->
    not_allowed(IQ).

not_allowed(#iq{type = Type, lang = Lang} = IQ) ->
    Text = case Type of
        set -> ?T("Value 'set' of 'type' attribute is not allowed");
        get -> ?T("Value 'get' of 'type' attribute is not allowed")
    end,
    xmpp:make_error(IQ, xmpp:err_not_allowed(Text, Lang)).

no_such_node(#iq{lang = Lang} = IQ) ->
    xmpp:make_error(IQ, xmpp:err_item_not_found(?T("Node not found"), Lang)).
